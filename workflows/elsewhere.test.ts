import { expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { eventually, stepOf } from '../test/support/runs.ts';
import { runs, stack, withStack } from '../test/support/served.ts';
import { checkpointBeyond } from '../test/support/trainings.ts';
import type { RunState, StepState } from './runTypes.ts';

const pipeline = (images: number) => `
name: twice
summary: Trains a small network for a few epochs
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }
  train:
    uses: train
    with:
      index: "\${{ steps.people.index }}"
      head: dcp
      poolRatio: 1
      width: 0.25
      embeddingSize: 32
      identitiesPerStep: 10
      instancesPerStep: 10
      images: ${images}
      checkpointEverySteps: 10
`;

withStack();

it('of two runs with the same training one trains, and the other takes what it makes', async () => {
  const first = await runs.start(pipeline(2400));
  const training = await once(first, ({ status, attempts }) => status === 'running' && attempts === 1);
  await checkpointBeyond(training, 0, runs);
  const second = await runs.start(pipeline(2400));
  const waiting = await once(second, ({ waitsFor }) => waitsFor !== undefined);
  expect(waiting).toMatchObject({ status: 'running', attempts: 0, waitsFor: first.workflowId });
  const told = `waits for ${first.workflowId}, which makes the same`;
  expect((await f2c(stack.env, 'show', second.workflowId)).stdout).toContain(told);

  const made = stepOf(await runs.ended(first), 'train');
  expect(made).toMatchObject({ status: 'done', attempts: 1 });
  const taken = stepOf(await runs.ended(second), 'train');
  expect(taken).toMatchObject({ status: 'done', attempts: 0, artifact: made.artifact });
  expect(taken.cache).toMatch(/^hit: /);
  expect(taken).not.toHaveProperty('waitsFor');
}, 240_000);

it('when the one that trains is cancelled, the other goes on from its checkpoint', async () => {
  const first = await runs.start(pipeline(90_000));
  const training = await once(first, ({ status, attempts }) => status === 'running' && attempts === 1);
  await checkpointBeyond(training, 0, runs);
  const second = await runs.start(pipeline(90_000));
  await once(second, ({ waitsFor }) => waitsFor === first.workflowId);
  await first.cancel();
  await runs.ended(first);
  const taken = await once(second, ({ attempts, waitsFor }) => attempts === 1 && waitsFor === undefined);
  const { key } = taken;
  await eventually(async () => {
    const { stdout } = await f2c(stack.env, 'show', second.workflowId);
    return /train went on at training step [1-9]/.test(stdout) ? true : undefined;
  });
  expect(key).toBe(training.key);
  await second.cancel();
  await runs.ended(second);
}, 240_000);

function once(
  handle: { query<T>(name: string): Promise<T> },
  isSo: (train: StepState) => boolean,
): Promise<StepState> {
  return eventually(async () => {
    const { steps } = await handle.query<RunState>('state');
    const train = steps.find(({ id }) => id === 'train');
    return train !== undefined && isSo(train) ? train : undefined;
  });
}
