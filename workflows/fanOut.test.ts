import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { beforeAll, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { workerOf } from '../test/support/processes.ts';
import { replayed } from '../test/support/replay.ts';
import { eventually, stepOf } from '../test/support/runs.ts';
import { folder, runs, stack, withStack } from '../test/support/served.ts';
import { measuringOften, writePeople } from './people.fixture.ts';
import type { RunState } from './runTypes.ts';

withStack();
beforeAll(() => writePeople(folder));

/** The workflows that a run has started, with those of the slices, by status. */
async function childrenOf({ workflowId }: WorkflowHandle) {
  const children = [];
  for await (const info of runs.client.workflow.list({
    query: "WorkflowType = 'runFanOut' OR WorkflowType = 'runSlice'",
  })) {
    if (info.workflowId.startsWith(`${workflowId}:`)) children.push(info);
  }
  return children;
}

function tallyOf(state: RunState, id: string) {
  const { tally } = stepOf(state, id);
  if (tally === undefined) throw new Error(`${id} is not run by slices`);
  return tally;
}

/** A run of `many` alone and what gathers it. */
async function startMany(settings?: Parameters<typeof measuringOften>[2]): Promise<WorkflowHandle> {
  const { digest } = await runs.store.putBlob(Buffer.from(measuringOften(folder, 501, settings)));
  return runs.startWith({ pipeline: `sha256:${digest}`, only: ['table'] });
}

/** Until some instances of `many` have ended, and others have not. */
async function isInTheMiddle(handle: WorkflowHandle): Promise<void> {
  await eventually(async () => {
    const state = await handle.query<RunState>('state').catch(() => undefined);
    const done = state?.steps.find(({ id }) => id === 'many')?.tally?.done ?? 0;
    return done > 0 ? true : undefined;
  });
}

it('600 instances, a step for each of them and gathers, although the interpreter is killed', async () => {
  const handle = await runs.start(measuringOften(folder, 600));
  await isInTheMiddle(handle);
  const control = workerOf('control');
  if (control === undefined) throw new Error('no control worker');
  process.kill(control.pid, 'SIGKILL');

  const state = await runs.ended(handle);
  expect(state.error).toBeUndefined();
  expect(state.steps).toHaveLength(9);
  expect(tallyOf(state, 'many')).toMatchObject({ total: 600, done: 599, failed: 1, fatal: 0 });
  expect(stepOf(state, 'many')).toMatchObject({ status: 'done', incomplete: true });
  expect(tallyOf(state, 'many').failures).toEqual([
    {
      id: 'many[i=6]',
      code: 'F2C_EXPRESSION_FAILED',
      message: '`label` of many[i=6] has no value: it divides by zero.',
    },
  ]);
  expect(tallyOf(state, 'again')).toMatchObject({ done: 599, skipped: 1, unwanted: 1 });
  expect(tallyOf(state, 'late')).toMatchObject({ done: 9, skipped: 591, unwanted: 591 });

  const table = stepOf(state, 'table').artifact;
  expect(table && (await runs.store.load(table)).facts).toMatchObject({ reports: 599 });
  expect(table && (await runs.store.load(table)).inputs.reports).toHaveLength(599);
  const last = stepOf(state, 'last').artifact;
  expect(last && (await runs.store.load(last)).facts).toMatchObject({ by: 'accuracy' });

  // Few events, and small ones, whatever the number of instances.
  const { historyLength, historySize } = await handle.describe();
  expect(historyLength).toBeLessThan(1_000);
  expect(historySize).toBeLessThan(1_000_000);
  const children = await childrenOf(handle);
  const statuses = new Set(children.map(({ status }) => status.name));
  expect([...statuses].sort()).toEqual(['COMPLETED', 'CONTINUED_AS_NEW']);
  for (const { historyLength } of children) expect(historyLength).toBeLessThan(4_000);

  const { stdout: shown } = await f2c(stack.env, 'show', handle.workflowId);
  expect(shown).toMatch(/\nmany +done .* 599 of 600 done, 1 failed; \d+ from the store\n/);
  expect(shown).toContain('\nOf many failed first:\nmany[i=6]: F2C_EXPRESSION_FAILED: ');
  const { stdout: json } = await f2c(stack.env, 'show', handle.workflowId, '--json');
  expect(JSON.parse(json).steps[4]).toMatchObject({ id: 'many', tally: { total: 600, done: 599 } });

  // Nothing is done again: not by another run, here one of a part, and the plan knows it.
  const { digest } = await runs.store.putBlob(Buffer.from(measuringOften(folder, 600)));
  const second = await runs.startWith({ pipeline: `sha256:${digest}`, only: ['table'] });
  const again = await runs.ended(second);
  expect(again.steps.map(({ id }) => id)).toEqual(['faces', 'people', 'base', 'many', 'table']);
  expect(tallyOf(again, 'many')).toMatchObject({ done: 599, reused: 599 });
  expect(stepOf(again, 'table').cache).toMatch(/^hit: /);
  const { stderr: why } = await f2c(stack.env, 'logs', second.workflowId, 'many[i=8]');
  expect(why).toMatch(/\nmany\[i=8\] is from the store: npx f2c logs \S+ 'base'\n/);
  const file = join(stack.home, 'often.yaml');
  await writeFile(file, measuringOften(folder, 600));
  const { stdout: planned } = await f2c(stack.env, 'plan', file);
  expect(planned).toMatch(/\nmany +fail +600 instances: 599 reused, 1 to fail; many\[i=6\]: `label` of many/);
  expect(planned).toMatch(/\nagain +reuse +600 instances: 599 reused, 1 skipped; /);
  expect(planned).toMatch(/\ntable +reuse +hit: /);
}, 1_800_000);

it('a run that is cancelled ends its slices, and those end before it', async () => {
  const handle = await startMany();
  await isInTheMiddle(handle);
  await handle.cancel();
  const state = await runs.ended(handle);
  expect(state.status).toBe('cancelled');
  expect(stepOf(state, 'many').status).toBe('cancelled');
  const open = (await childrenOf(handle)).filter(({ status }) => status.name === 'RUNNING');
  expect(open).toEqual([]);
}, 900_000);

it('a run that is paused does nothing in its slices until it goes on', async () => {
  const handle = await startMany();
  await isInTheMiddle(handle);
  await handle.executeUpdate('pause', { args: [{ who: 'ann' }] });
  // Those that ended before they heard of it are listed for a while.
  await eventually(async () => {
    const slices = (await childrenOf(handle)).filter(({ type }) => type === 'runSlice');
    const states = await Promise.all(
      slices.map(({ workflowId }) => runs.client.workflow.getHandle(workflowId).query<RunState>('state')),
    );
    return states.some(({ paused }) => paused?.who === 'ann') ? true : undefined;
  });
  await expect(handle.executeUpdate('pause', { args: [{ step: 'many[i=7]' }] })).rejects.toMatchObject({
    cause: {
      type: 'F2C_STEP_UNKNOWN',
      message: 'many[i=7] cannot be paused by itself, since many has too many instances. Name many.',
    },
  });
  await handle.executeUpdate('continue', { args: [{}] });
  expect(await runs.ended(handle)).toMatchObject({ status: 'done' });
}, 900_000);

it('too few of many instances fail the run, and what gathers them is skipped', async () => {
  const handle = await startMany({ settings: 'minSuccess: 1', made: 7 });
  const state = await runs.ended(handle);
  expect(state).toMatchObject({ status: 'failed', error: { code: 'F2C_TOO_FEW_DONE' } });
  expect(state.error?.message).toMatch(
    /^Of many 500 of 501 instances are done, and `minSuccess` asks for 501\. What failed first:\nmany\[i=6\]: F2C_EXPRESSION_FAILED: /,
  );
  expect(stepOf(state, 'table')).toMatchObject({
    status: 'skipped',
    reason: 'needs many, but of many 500 of 501 instances are done, and `minSuccess` asks for 501',
  });
  // What an instance said is found as that of any other.
  const { stdout: log } = await f2c(stack.env, 'logs', handle.workflowId, 'many[i=7]');
  expect(log).toMatch(/many\[i=7\]#1 +info +attempt 1 begins/);
}, 900_000);

it('replays', async () => {
  const histories = await runs.histories();
  const results = await replayed(histories);
  expect(results.map(({ error }) => error)).toEqual(histories.map(() => undefined));
}, 900_000);
