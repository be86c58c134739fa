import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stackEnv } from '../local/env.ts';
import type { Part } from '../local/keep.ts';
import { startWorker } from '../local/worker.ts';
import { f2c } from '../test/support/cli.ts';
import { replayed } from '../test/support/replay.ts';
import { eventually, Runs, stepOf } from '../test/support/runs.ts';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import { writePeople } from './people.fixture.ts';
import type { RunState, StepState } from './runTypes.ts';

let stack: TestStack;
let runs: Runs;
let folder: string;
const workers: Part[] = [];

beforeAll(async () => {
  stack = await startTestStack({ workers: true });
  runs = await Runs.open(stack);
  folder = await mkdtemp(join(tmpdir(), 'f2c-queue-'));
  await writePeople(folder);
}, 120_000);

afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await runs.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

const pipeline = () => `
name: lonely
summary: Work for queues that nobody serves yet
steps:
  faces:
    uses: ingest
    resources: { queue: images }
    with: { source: ${JSON.stringify(folder)}, imageSize: 32 }
  people:
    uses: index
    resources: { queue: data-big }
    with: { dataset: "\${{ steps.faces.dataset }}", test: 2 }
`;

it('a step tells everywhere that no worker polls its queue, until one takes it', async () => {
  const handle = await runs.start(pipeline());
  const run = handle.workflowId;
  // The listing of the source is read on that queue before there is a look-up.
  const reading = await whileAtQueue(handle, 'faces');
  expect(reading.atQueue).toEqual({
    queue: 'images',
    role: 'data',
    since: expect.any(Number),
    served: false,
  });
  await startRole('images');

  await whileAtQueue(handle, 'people');
  const start = '`node --import tsx workers/main.ts --role data --queue data-big`';
  const told = `waits: no worker polls the queue data-big since ${new Date().getUTCFullYear()}`;
  const details = await detailsOf(handle);
  expect(details).toMatch(
    new RegExp(`\\| ▶ \\| people \\| running \\| ${told}.* UTC; start one: ${start} · miss: `),
  );
  // The command line asks the server how long the work has been there, and has some patience.
  const text = await eventually(async () => {
    const { stdout } = await f2c(stack.env, 'show', run);
    return stdout.includes('no worker polls') ? stdout : undefined;
  });
  expect(text).toMatch(new RegExp(`\\npeople ${told}.* UTC; start one: ${start}\\n`));
  const shown = JSON.parse((await f2c(stack.env, 'show', run, '--json')).stdout) as RunState;
  expect(stepOf(shown, 'people').atQueue).toMatchObject({ queue: 'data-big', role: 'data', served: false });
  expect((await f2c(stack.env, 'list')).stdout).toMatch(
    new RegExp(`^${run} +lonely +running, no worker for data-big `, 'm'),
  );

  await startRole('data-big');
  const state = await runs.ended(handle);
  expect(state.status).toBe('done');
  expect(state.steps.some((step) => 'atQueue' in step)).toBe(false);
  // The command line has told of it only after three seconds.
  expect(stepOf(state, 'people').waitedMs).toBeGreaterThan(3_000);
  const history = await handle.fetchHistory();
  const signals = history.events?.flatMap(
    ({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName ?? [],
  );
  expect(signals).toContain('begun');
  expect(await replayed([{ workflowId: run, history }])).toEqual([{ workflowId: run, error: undefined }]);
}, 180_000);

async function startRole(queue: string): Promise<void> {
  const env = stackEnv(process.env, stack.env);
  workers.push(await startWorker({ role: 'data', queue, home: stack.home, env }));
}

function whileAtQueue(handle: WorkflowHandle, id: string): Promise<StepState> {
  return eventually(async () => {
    const { steps } = await handle.query<RunState>('state');
    return steps.find((step) => step.id === id && step.atQueue !== undefined);
  });
}

async function detailsOf(handle: WorkflowHandle): Promise<string> {
  const told = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return told.currentDetails;
}
