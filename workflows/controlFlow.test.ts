import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure, type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { eventually, Runs, stepOf } from '../test/support/runs.ts';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import type { RunState } from './runTypes.ts';

let stack: TestStack;
let runs: Runs;
let folder: string;

beforeAll(async () => {
  stack = await startTestStack({ workers: true });
  runs = await Runs.open(stack);
  folder = await mkdtemp(join(tmpdir(), 'f2c-flow-'));
  for (const person of ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay']) await writeImages(person);
}, 120_000);

afterAll(async () => {
  await runs.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

async function writeImages(person: string): Promise<void> {
  await mkdir(join(folder, 'faces', person), { recursive: true });
  for (let i = 0; i < 3; i++) {
    const background = { r: 60 * i, g: 2 * person.charCodeAt(0), b: 120 };
    const image = sharp({ create: { width: 40, height: 40, channels: 3, background } });
    await writeFile(join(folder, 'faces', person, `${i}.png`), await image.png().toBuffer());
  }
}

/** Six people; a split with 50 for the test cannot be made. */
const split = (settings: string) => `
name: flow
summary: Splits six people
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(join(folder, 'faces'))}, imageSize: 32 } }
  people:
    uses: index
    ${settings}
    with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ matrix.test }}" }
  report:
    uses: evaluate
    each: people
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: "\${{ matrix.test }} people" }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
`;

function outcomes({ steps }: RunState): unknown[] {
  return steps.map(({ id, status, reason }) => (reason === undefined ? [id, status] : [id, status, reason]));
}

describe('onFailure: continue', () => {
  it('goes on without the step and what depends on it; a gather takes what is there', async () => {
    const handle = await runs.start(split('matrix: { test: [2, 50] }\n    onFailure: continue'));
    const state = await runs.ended(handle);
    expect(state.status).toBe('done');
    expect(outcomes(state)).toEqual([
      ['faces', 'done'],
      ['people[test=2]', 'done'],
      ['people[test=50]', 'failed'],
      ['report[test=2]', 'done'],
      ['report[test=50]', 'skipped', 'needs people[test=50], which failed'],
      ['table', 'done'],
    ]);
    expect(stepOf(state, 'people[test=50]')).toMatchObject({
      tolerated: true,
      error: { code: 'F2C_TOO_FEW_IDENTITIES' },
    });
    const table = stepOf(state, 'table').artifact;
    expect(table && (await runs.store.load(table)).facts).toMatchObject({ reports: 1, labels: ['2 people'] });

    expect(await handle.result()).toMatchObject({
      failed: { 'people[test=50]': { code: 'F2C_TOO_FEW_IDENTITIES' } },
    });
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('Status: **done** · without people[test=50], which failed');
    expect(currentDetails).toMatch(
      /\| ✘ \| people\[test=50\] \| failed \| F2C_TOO.* · the run goes on without it/,
    );
    expect((await handle.describe()).searchAttributes.f2cState).toEqual(['done']);
    const { stdout: shown } = await f2c(stack.env, 'show', handle.workflowId);
    expect(shown).toMatch(
      /people\[test=50\] +failed .* F2C_TOO_FEW_IDENTITIES \(the run goes on without it\)\n/,
    );
    expect(shown).toMatch(/report\[test=50\] +skipped +needs people\[test=50\], which failed\n/);
    expect(shown).toContain('\npeople[test=50] failed, and the run goes on without it: ');
  }, 120_000);

  it('a gather of which nothing is left is skipped, and so is what needs every instance', async () => {
    const yaml = split('matrix: { test: [40, 50] }\n    onFailure: continue');
    const state = await runs.ended(
      await runs.start(`${yaml}  after: { uses: ingest, needs: [people], with: { source: x } }\n`),
    );
    expect(state.status).toBe('done');
    expect(stepOf(state, 'table')).toMatchObject({
      status: 'skipped',
      tolerated: true,
      reason: 'needs report[test=40], which was skipped and 1 more',
    });
    expect(stepOf(state, 'after')).toMatchObject({ status: 'skipped', tolerated: true });
  }, 120_000);

  it('does not hide the failure of another step', async () => {
    const yaml = split('matrix: { test: [2, 50] }\n    onFailure: continue');
    const state = await runs.ended(
      await runs.start(`${yaml}  gone: { uses: ingest, with: { source: /nowhere } }\n`),
    );
    expect(state).toMatchObject({ status: 'failed', error: { code: 'F2C_RUN_FAILED' } });
    expect(state.error?.message).toMatch(/^Step gone failed with F2C_SOURCE_MISSING: [^\n]*$/);
    expect(stepOf(state, 'table').status).toBe('done');
  }, 120_000);
});

describe('onFailure: hold', () => {
  const held = () => split('matrix: { test: [2, 50] }\n    onFailure: hold');
  const fifty = 'people[test=50]';

  it('waits in the same run, refuses what is no answer, and tries again with other params', async () => {
    const handle = await runs.start(held());
    const run = handle.workflowId;
    const waiting = await whileHeld(handle);
    expect(outcomes(waiting).slice(1)).toEqual([
      ['people[test=2]', 'done'],
      [fifty, 'held'],
      ['report[test=2]', 'done'],
      ['report[test=50]', 'waiting'],
      ['table', 'waiting'],
    ]);
    expect(waiting.status).toBe('held');
    const { stdout: listed } = await f2c(stack.env, 'list');
    expect(listed).toMatch(new RegExp(`^${run} +held `, 'm'));
    const { stdout: shown } = await f2c(stack.env, 'show', run);
    expect(shown).toMatch(/\npeople\[test=50\] held: .*6 identities/);
    expect(shown).toContain(`\n${fifty} waits for an answer: \`npx f2c retry ${run} '${fifty}'\``);
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain(`**${fifty}** is held: F2C_TOO_FEW_IDENTITIES: `);

    for (const [answer, code, text] of [
      [undefined, 'F2C_ANSWER_INVALID', 'nothing is not an answer'],
      [{ step: fifty, action: 'retry', extra: 1 }, 'F2C_ANSWER_INVALID', 'is not an answer'],
      [{ step: fifty, action: 'restart' }, 'F2C_ANSWER_INVALID', 'takes retry, skip, fail, not restart'],
      [{ step: fifty, action: 'skip', with: { test: 2 } }, 'F2C_ANSWER_INVALID', '`with` goes with retry'],
      [{ step: fifty, action: 'retry', with: [] }, 'F2C_ANSWER_INVALID', '`with` must be a map'],
      [{ step: fifty, action: 'retry', note: 3 }, 'F2C_ANSWER_INVALID', '`note` must be a string'],
      [{ step: 'people', action: 'retry' }, 'F2C_STEP_UNKNOWN', `Waiting: ${fifty}.`],
      [{ step: 'table', action: 'retry' }, 'F2C_STEP_NOT_WAITING', 'it is waiting'],
      [{ step: fifty, action: 'retry', with: { tst: 2 } }, 'F2C_ANSWER_INVALID', 'Did you mean `test`?'],
      [{ step: fifty, action: 'retry', with: { test: -1 } }, 'F2C_ANSWER_INVALID', 'must be at least 0'],
      [{ step: fifty, action: 'retry', with: { dataset: 1 } }, 'F2C_ANSWER_INVALID', '`dataset` is an input'],
    ] as const) {
      const refused = await refusalOf(handle, answer);
      expect(refused, JSON.stringify(answer)).toMatchObject({ type: code });
      expect(refused.message).toContain(text);
    }

    const again = await f2c(stack.env, 'retry', run, fifty, '--with', 'test=60');
    expect(again).toMatchObject({ code: 0, stderr: '' });
    await eventually(async () =>
      stepOf(await handle.query<RunState>('state'), fifty).attempts === 2 &&
      (await handle.query<RunState>('state')).status === 'held'
        ? true
        : undefined,
    );
    const mended = await f2c(stack.env, 'retry', run, fifty, '--with', 'test=2', '--note', 'six people');
    expect(mended.stdout).toBe(`${fifty}: retry, test 60 -> 2. \`npx f2c show ${run}\` shows the run.\n`);
    const state = await runs.ended(handle);
    expect(state.status).toBe('done');
    expect(stepOf(state, fifty)).toMatchObject({
      status: 'done',
      // The first try with 50, the second one with 60; the split with 2 is in the store.
      attempts: 2,
      cache: expect.stringMatching(/^hit: /),
      metrics: { testIdentities: 2 },
      answers: [
        { action: 'retry', changes: ['test 50 -> 60'] },
        { action: 'retry', changes: ['test 60 -> 2'], note: 'six people', who: expect.any(String) },
      ],
    });
    expect((await handle.describe()).searchAttributes.f2cState).toEqual(['done']);
    const late = await f2c(stack.env, 'skip', run, fifty);
    expect(late.stderr).toContain(`F2C_STEP_NOT_WAITING: The run ${run} has ended`);
  }, 180_000);

  it('goes on without a step that a person skips', async () => {
    const handle = await runs.start(held());
    await whileHeld(handle);
    const { stdout } = await f2c(stack.env, 'skip', handle.workflowId, fifty, '--who', 'ann', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ step: fifty, action: 'skip', who: 'ann' });
    const state = await runs.ended(handle);
    expect(state.status).toBe('done');
    expect(outcomes(state).slice(2)).toEqual([
      [fifty, 'skipped', 'skipped by a person'],
      ['report[test=2]', 'done'],
      ['report[test=50]', 'skipped', `needs ${fifty}, which was skipped`],
      ['table', 'done'],
    ]);
  }, 180_000);

  it('fails with the failure of the step when a person says so, and ends when it is cancelled', async () => {
    const [failing, cancelled] = [await runs.start(held()), await runs.start(held())];
    await Promise.all([whileHeld(failing), whileHeld(cancelled)]);
    const { stderr } = await f2c(stack.env, 'fail', failing.workflowId, 'people');
    expect(stderr).toBe(`F2C_STEP_UNKNOWN: The run has no step people. Waiting: ${fifty}.\n`);
    await f2c(stack.env, 'fail', failing.workflowId, fifty);
    const state = await runs.ended(failing);
    expect(state.error?.message).toMatch(/^Step people\[test=50\] failed with F2C_TOO_FEW_IDENTITIES: /);
    expect(stepOf(state, 'table').status).toBe('skipped');
    await cancelled.cancel();
    const ended = await runs.ended(cancelled);
    expect([ended.status, stepOf(ended, fifty).status]).toEqual(['cancelled', 'cancelled']);
  }, 180_000);
});

/** The state of a run once nothing of it goes on and a step waits for a person. */
function whileHeld(handle: WorkflowHandle): Promise<RunState> {
  return eventually(async () => {
    const state = await handle.query<RunState>('state');
    const busy = state.steps.some(({ status }) => status === 'running' || status === 'retrying');
    return state.status === 'held' && !busy ? state : undefined;
  });
}

async function refusalOf(handle: WorkflowHandle, answer: unknown): Promise<ApplicationFailure> {
  const error: unknown = await handle.executeUpdate('answer', { args: [answer] }).catch((reason) => reason);
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure))
    throw error;
  return error.cause;
}

describe('when', () => {
  const choosing = (least: string) => `
name: choosing
summary: Compares what is worth it
params:
  least: { type: integer, default: 3 }
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(join(folder, 'faces'))}, imageSize: 32 } }
  people:
    uses: index
    matrix: { test: [2, 3] }
    with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ min(matrix.test, steps.faces.identities - 1) }}" }
  report:
    uses: evaluate
    each: people
    when: "\${{ steps.people.testIdentities >= ${least} }}"
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: "\${{ matrix.test * 10 }} people" }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
  single: { uses: compare, each: people, with: { reports: ["\${{ steps.report.report }}"] } }
`;

  it('skips an instance where it is false and what depends on it; a gather takes the others', async () => {
    const state = await runs.ended(await runs.start(choosing('params.least')));
    expect(state.status).toBe('done');
    expect(outcomes(state).slice(3)).toEqual([
      ['report[test=2]', 'skipped', 'when is false: steps.people.testIdentities >= params.least'],
      ['report[test=3]', 'done'],
      ['table', 'done'],
      ['single[test=2]', 'skipped', 'needs report[test=2], which was skipped'],
      ['single[test=3]', 'done'],
    ]);
    const { artifact } = stepOf(state, 'table');
    expect(artifact && (await runs.store.load(artifact)).facts).toMatchObject({ labels: ['30 people'] });

    const none = await runs.ended(await runs.start(choosing('params.least'), { least: 100 }));
    expect([none.status, stepOf(none, 'table').status]).toEqual(['done', 'skipped']);
  }, 120_000);

  it('an expression that has no value fails its step', async () => {
    const handle = await runs.start(choosing('params.least / (steps.people.testIdentities - 2)'));
    const state = await runs.ended(handle);
    expect(state.status).toBe('failed');
    expect(stepOf(state, 'report[test=2]')).toMatchObject({
      status: 'failed',
      error: {
        code: 'F2C_EXPRESSION_FAILED',
        message: 'An expression of report[test=2] has no value: it divides by zero.',
      },
    });
    expect(stepOf(state, 'report[test=3]').status).toBe('done');
  }, 120_000);
});

it('every history of these runs is replayed to the same commands', async () => {
  const workflowsPath = fileURLToPath(new URL('./runPipeline.ts', import.meta.url));
  const histories = [];
  for await (const { workflowId, runId } of runs.client.workflow.list({
    query: "WorkflowType = 'runPipeline'",
  })) {
    const history = await runs.client.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.push({ workflowId, history });
  }
  expect(histories.length).toBeGreaterThan(5);
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowsPath }, histories)) {
    expect({ workflowId, error }).toEqual({ workflowId, error: undefined });
  }
}, 120_000);
