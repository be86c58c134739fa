import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { WorkflowHandle } from '@temporalio/client';
import { beforeAll, expect, it, vi } from 'vitest';
import type { StepForecast } from '../activities/forecast.ts';
import type { StepTask } from '../activities/tasks.ts';
import { blobKey } from '../artifacts/manifest.ts';
import { root } from '../local/paths.ts';
import { f2c } from '../test/support/cli.ts';
import { replayed } from '../test/support/replay.ts';
import { eventually, stepOf } from '../test/support/runs.ts';
import { folder, runs, stack, withStack } from '../test/support/served.ts';
import { writePeople } from './people.fixture.ts';
import type { RunState } from './runTypes.ts';

vi.stubEnv('F2C_STEPS', join(root, 'test', 'steps'));
withStack();

/** Whatever a look-up may go on along: metrics in params, inputs that come together again, gathers, conditions. */
const yaml = (more: { s0?: string; left?: string } = {}) => `
name: ahead
summary: Adds up what is in the store already
params: { salt: { type: string, default: none }, both: { type: integer, default: 300 } }
steps:
  s0: { uses: tally, ${more.s0 ?? ''} with: { number: 10000, salt: "\${{ params.salt }}" } }
  left: { uses: tally, ${more.left ?? ''} with: { number: 1, before: "\${{ steps.s0.report }}" } }
  right: { uses: tally, with: { number: "\${{ steps.s0.total + 2 }}", before: "\${{ steps.s0.report }}" } }
  both: { uses: tally, with: { number: "\${{ params.both }}", reports: ["\${{ steps.left.report }}", "\${{ steps.right.report }}"] } }
  wide: { uses: tally, matrix: { n: [1, 2, 3] }, with: { number: "\${{ matrix.n }}", before: "\${{ steps.both.report }}" } }
  sum: { uses: tally, with: { number: 0, reports: "\${{ steps.wide.*.report }}" } }
  wanted: { uses: tally, when: "\${{ steps.sum.total > 0 }}", with: { number: 6, before: "\${{ steps.sum.report }}" } }
  unwanted: { uses: tally, when: "\${{ steps.sum.total < 0 }}", with: { number: 7, before: "\${{ steps.sum.report }}" } }
  last: { uses: tally, needs: [wanted], with: { number: 8 } }
`;
const wide = ['wide[n=1]', 'wide[n=2]', 'wide[n=3]'];

let pipeline: string;
let first: RunState;
beforeAll(async () => {
  pipeline = await stored(yaml());
  first = await runs.ended(await runs.startWith({ pipeline }));
}, 120_000);

it('a run finds along one look-up what it would have found step by step, and says the same of it', async () => {
  const { handle, state } = await run({ pipeline });
  expect(await lookUpsOf(handle)).toEqual(['s0']);
  const reused = state.steps.filter(({ status }) => status === 'done');
  expect(reused.length).toBe(10);
  expect(reused.map(({ id, artifact, metrics, key }) => [id, artifact, metrics, key])).toEqual(
    reused
      .map(({ id }) => stepOf(first, id))
      .map(({ id, artifact, metrics, key }) => [id, artifact, metrics, key]),
  );
  expect(reused.filter(({ attempts, waitedMs }) => attempts > 0 || waitedMs !== undefined)).toEqual([]);
  const file = join(folder, 'ahead.yaml');
  await writeFile(file, yaml());
  const { stdout } = await f2c(stack.env, 'plan', file, '--json');
  const plan: StepForecast[] = JSON.parse(stdout).steps;
  expect(plan.map(({ id, reason }) => [id, reason])).toEqual(
    state.steps.map(({ id, cache, reason }) => [id, cache ?? reason]),
  );
  const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  for (const { id, cache } of reused) expect(currentDetails).toContain(`| ${id} | done | ${cache}`);
}, 120_000);

it('it ends at the first step that is no hit, which asks for itself', async () => {
  const { handle, state } = await run({ pipeline, params: { both: 400 } });
  const [asked, both, ...others] = await lookUpsOf(handle);
  expect([asked, both]).toEqual(['s0', 'both']);
  expect(others.sort()).toEqual(['last', 'sum', 'wanted', ...wide]);
  expect(stepOf(state, 'both').cache).toBe('miss: number 300 -> 400');
  expect(stepOf(state, 'wide[n=2]').cache).toMatch(/^miss: input before changed /);
  expect(stepOf(state, 'last').cache).toMatch(/^hit: /);
}, 120_000);

it('where something had to be made, it begins again behind the next hit', async () => {
  // The same is made of it, so all that follows is there.
  const { handle, state } = await run({ pipeline, params: { salt: 'other' } });
  const asked = await lookUpsOf(handle);
  expect([asked[0], asked.slice(1, 3).sort(), asked.slice(3)]).toEqual(['s0', ['left', 'right'], ['both']]);
  expect(stepOf(state, 's0')).toMatchObject({ attempts: 1, cache: 'miss: salt "none" -> "other"' });
  expect(state.steps.slice(1).map(({ attempts }) => attempts)).toEqual(state.steps.slice(1).map(() => 0));
}, 120_000);

it('a step that is forced, or whose file is gone, is made anew', async () => {
  const forced = await run({ pipeline, force: ['right'] });
  expect(stepOf(forced.state, 'right')).toMatchObject({
    attempts: 1,
    cache: expect.stringMatching(/^forced: is there, /),
  });
  expect((await lookUpsOf(forced.handle)).slice(0, 2)).toEqual(['s0', 'right']);

  const { key = '' } = stepOf(first, 'both');
  const blob = (await runs.store.get('report', key)).files['total.json'];
  if (blob === undefined) throw new Error('both has no total');
  const { s3, name: Bucket } = runs.store.bucket;
  await s3.send(new DeleteObjectCommand({ Bucket, Key: blobKey(blob.digest) }));
  const { handle, state } = await run({ pipeline });
  const gone = `miss: blob ${blob.digest.slice(0, 8)}… of report is gone`;
  expect(stepOf(state, 'both')).toMatchObject({ attempts: 1, cache: gone });
  expect(state.steps.filter(({ attempts }) => attempts > 0).map(({ id }) => id)).toEqual(['both']);
  expect((await lookUpsOf(handle)).slice(0, 2)).toEqual(['s0', 'both']);
  expect(await runs.store.hasBlob(blob)).toBe(true);
}, 120_000);

it('nothing is asked ahead of a person, and an answer does not outlast a pause', async () => {
  const approving = await stored(yaml({ s0: 'approve: {},', left: 'approve: {},' }));
  const handle = await runs.startWith({ pipeline: approving });
  await reaches(handle, 's0', 'awaiting approval');
  await handle.executeUpdate('pause', { args: [{ step: 'right' }] });
  await handle.executeUpdate('answer', { args: [{ step: 's0', action: 'approve' }] });
  await reaches(handle, 'left', 'awaiting approval');
  expect(stepOf(await reaches(handle, 'right', 'paused'), 'right')).not.toHaveProperty('cache');
  await handle.executeUpdate('continue', { args: [{ step: 'right' }] });
  await reaches(handle, 'right', 'done');
  await handle.executeUpdate('answer', { args: [{ step: 'left', action: 'approve' }] });
  const state = await runs.ended(handle);
  expect(await lookUpsOf(handle)).toEqual(['s0', 'right', 'left']);
  expect(state.steps.map(({ status }) => status)).toEqual(first.steps.map(({ status }) => status));
}, 120_000);

it('a step that reads the world asks after it has read, and goes on from there', async () => {
  await writePeople(join(folder, 'people'));
  const reading = await stored(`
name: reading
summary: Reads a folder in the middle
steps:
  s0: { uses: tally, with: { number: 10000 } }
  faces: { uses: ingest, needs: [s0], with: { source: ${JSON.stringify(join(folder, 'people'))}, imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 2 } }
  pixels: { uses: evaluate, with: { index: "\${{ steps.people.index }}", embedding: pixels, label: pixels } }
always:
  told: { uses: tally, needs: [pixels], with: { number: 1, salt: "\${{ run.status }}" } }
`);
  await runs.ended(await runs.startWith({ pipeline: reading }));
  const { handle } = await run({ pipeline: reading });
  expect(await lookUpsOf(handle)).toEqual(['s0', 'faces', 'told']);
}, 120_000);

it('one look-up answers for so many steps that its answer stays small', async () => {
  const numbers = Array.from({ length: 130 }, (_, index) => index);
  const many = await stored(`
name: many
summary: More than one look-up answers for
steps:
  s0: { uses: tally, with: { number: 10000 } }
  other: { uses: tally, matrix: { n: [${numbers}] }, with: { number: "\${{ matrix.n }}", before: "\${{ steps.s0.report }}" } }
  sum: { uses: tally, with: { number: 0, reports: "\${{ steps.other.*.report }}" } }
`);
  await runs.ended(await runs.startWith({ pipeline: many }));
  const { handle, state } = await run({ pipeline: many });
  expect(state.steps.filter(({ cache }) => cache?.startsWith('hit: ')).length).toBe(132);
  expect(await lookUpsOf(handle)).toContain('sum');
  const { events } = await handle.fetchHistory();
  const sizes = (events ?? []).flatMap(({ activityTaskCompletedEventAttributes: done }) =>
    (done?.result?.payloads ?? []).map(({ data }) => data?.length ?? 0),
  );
  expect(Math.max(...sizes)).toBeLessThan(160 * 1024);
}, 240_000);

it('every history of these runs is replayed to the same commands', async () => {
  const results = await replayed(await runs.histories());
  expect(results.length).toBeGreaterThan(9);
  expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
}, 120_000);

async function stored(text: string): Promise<string> {
  return `sha256:${(await runs.store.putBlob(Buffer.from(text))).digest}`;
}

async function run(input: object): Promise<{ handle: WorkflowHandle; state: RunState }> {
  const handle = await runs.startWith(input);
  const state = await runs.ended(handle);
  expect(state.status).toBe('done');
  return { handle, state };
}

function reaches(handle: WorkflowHandle, step: string, status: string): Promise<RunState> {
  return eventually(async () => {
    const state = await handle.query<RunState>('state');
    return state.steps.some((each) => each.id === step && each.status === status) ? state : undefined;
  });
}

/** The steps that asked the store by an activity of their own. */
async function lookUpsOf(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => {
    if (scheduled?.activityType?.name !== 'lookUp') return [];
    const [payload] = scheduled.input?.payloads ?? [];
    const task: StepTask = JSON.parse(Buffer.from(payload?.data ?? []).toString());
    return [task.step];
  });
}
