import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRunning, processesWith, trainersOf, workerOf } from './support/processes.ts';
import { eventually, Runs, stepOf } from './support/runs.ts';
import { startTestStack, type TestStack } from './support/stack.ts';
import { checkpointBeyond, forget } from './support/trainings.ts';

/** Ten steps an epoch and a checkpoint every third step, so that kills fall into the middle of an epoch. */
const pipeline = (head: string, processes = 1) => `
name: faults
summary: Trains a small network for a few epochs
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }
  train:
    uses: train
    resources: { processesPerNode: ${processes} }
    retry: { attempts: 1, backoff: 1s }
    with:
      index: "\${{ steps.people.index }}"
      head: ${head}
      poolRatio: 1
      width: 0.25
      embeddingSize: 32
      identitiesPerStep: 10
      instancesPerStep: ${10 * processes}
      augment: [flip, shift, crop, brightness]
      images: 1200
      checkpointEverySteps: 3
`;

let stack: TestStack;
let runs: Runs;

beforeAll(async () => {
  stack = await startTestStack({ workers: true });
  runs = await Runs.open(stack);
}, 120_000);

afterAll(async () => {
  await runs.close();
  await stack.stop();
});

describe('a training whose processes are killed', () => {
  it('ends in the same bits after its trainer was killed twice in mid-epoch', async () => {
    const undisturbed = await runs.ended(await runs.start(pipeline('dcp')));
    const expected = stepOf(undisturbed, 'train');
    expect(expected).toMatchObject({ status: 'done', attempts: 1 });

    await forget(expected, runs);
    const handle = await runs.start(pipeline('dcp'));
    for (const beyond of [0, 12]) {
      await checkpointBeyond(expected, beyond, runs);
      const ranks = trainersOf(stack);
      expect(ranks.length).toBeGreaterThan(0);
      for (const { pid } of ranks) killHard(pid);
    }
    const state = await runs.ended(handle);
    expect(stepOf(state, 'train')).toMatchObject({
      status: 'done',
      attempts: 3,
      artifact: { digest: expected.artifact?.digest },
    });
  }, 300_000);

  it('ends in the same bits after one of its two processes was killed', async () => {
    const undisturbed = await runs.ended(await runs.start(pipeline('partialFc', 2)));
    const expected = stepOf(undisturbed, 'train');
    expect(expected).toMatchObject({ status: 'done', attempts: 1 });
    const { artifact } = expected;
    expect(artifact && (await runs.store.load(artifact)).facts.processes).toBe(2);

    await forget(expected, runs);
    const handle = await runs.start(pipeline('partialFc', 2));
    await checkpointBeyond(expected, 0, runs);
    const [rank] = trainersOf(stack).filter(({ command }) => !command.includes('torch.distributed.run'));
    if (rank === undefined) throw new Error('the training has no processes');
    killHard(rank.pid);
    const state = await runs.ended(handle);
    expect(stepOf(state, 'train')).toMatchObject({
      status: 'done',
      attempts: 2,
      artifact: { digest: artifact?.digest },
    });
  }, 300_000);

  it('ends in the same bits after its worker was killed, and leaves no orphan', async () => {
    const undisturbed = await runs.ended(await runs.start(pipeline('fc')));
    const expected = stepOf(undisturbed, 'train');

    await forget(expected, runs);
    const handle = await runs.start(pipeline('fc'));
    await checkpointBeyond(expected, 0, runs);
    const trainers = trainersOf(stack);
    const worker = workerOf('gpu');
    if (worker === undefined) throw new Error('the stack has no gpu worker');
    killHard(worker.pid);
    await eventually(() => (trainers.some(({ pid }) => isRunning(pid)) ? undefined : true));

    const state = await runs.ended(handle);
    expect(stepOf(state, 'train')).toMatchObject({
      status: 'done',
      attempts: 2,
      artifact: { digest: expected.artifact?.digest },
    });
  }, 300_000);
});

it('a run survives the death of the Temporal and of the S3 server', async () => {
  const yaml = pipeline('fc').replace('images: 1200', 'images: 900');
  const undisturbed = await runs.ended(await runs.start(yaml));
  const expected = stepOf(undisturbed, 'train');

  await forget(expected, runs);
  const handle = await runs.start(yaml);
  await checkpointBeyond(expected, 0, runs);
  for (const server of ['weed -logtostderr', 'temporal server']) {
    const found = processesWith(server).filter(({ command }) => command.includes(stack.home));
    expect(found.length, server).toBeGreaterThan(0);
    for (const { pid } of found) killHard(pid);
  }
  const state = await eventually(() => runs.ended(handle).catch(() => undefined));
  expect(state.status).toBe('done');
  expect(stepOf(state, 'train').artifact?.digest).toBe(expected.artifact?.digest);
}, 300_000);

function killHard(pid: number): void {
  process.kill(pid, 'SIGKILL');
}
