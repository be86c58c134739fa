import { fileURLToPath } from 'node:url';
import { ApplicationFailure, type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { trainersOf } from '../test/support/processes.ts';
import { eventually, stepOf } from '../test/support/runs.ts';
import { runs, stack, withStack } from '../test/support/served.ts';
import { checkpointBeyond, checkpointOf, forget } from '../test/support/trainings.ts';
import { outcomes } from './people.fixture.ts';
import type { RunState } from './runTypes.ts';

const steps = 200;

const pipeline = `
name: pausing
summary: Trains a small network for a few epochs
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }
  train:
    uses: train
    retry: { attempts: 1, backoff: 1s }
    with:
      index: "\${{ steps.people.index }}"
      head: dcp
      poolRatio: 1
      width: 0.25
      embeddingSize: 32
      identitiesPerStep: 10
      instancesPerStep: 10
      augment: [flip, shift, brightness]
      images: ${30 * steps}
      checkpointEverySteps: 10
  later:
    uses: index
    needs: [train]
    with: { dataset: "\${{ steps.faces.dataset }}", test: 5 }
`;

withStack();

it('a training that is paused in the middle frees its worker and ends in the same bits', async () => {
  const undisturbed = await runs.ended(await runs.start(pipeline));
  const expected = stepOf(undisturbed, 'train');
  expect(expected).toMatchObject({ status: 'done', attempts: 1 });
  await forget(expected, runs);

  // The step alone.
  const handle = await runs.start(pipeline);
  const run = handle.workflowId;
  await checkpointBeyond(expected, 0, runs);
  const { stdout } = await f2c(stack.env, 'pause', run, 'train', '--who', 'ann', '--note', 'GPU needed');
  expect(stdout).toBe(
    `train: paused; train is stopped and will go on where it was. \`npx f2c show ${run}\` shows the run.\n`,
  );
  const paused = await once(handle, 'train', 'paused');
  expect(paused.status).toBe('paused');
  expect(stepOf(paused, 'train')).toMatchObject({ attempts: 1, paused: { who: 'ann', note: 'GPU needed' } });
  expect(stepOf(paused, 'later').status).toBe('waiting');
  expect(trainersOf(stack)).toEqual([]);
  expect((await handle.describe()).raw.pendingActivities ?? []).toEqual([]);
  const pausedAt = await checkpointOf(expected, runs);
  expect(pausedAt).toBeLessThan(steps);
  expect((await f2c(stack.env, 'list')).stdout).toMatch(new RegExp(`^${run} +\\S+ +paused `, 'm'));
  const { stdout: shown } = await f2c(stack.env, 'show', run);
  expect(shown).toMatch(/\ntrain is paused since .* UTC by ann: GPU needed; go on with `npx f2c continue /);
  const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  expect(currentDetails).toContain('send the update `continue` with `{"step":"train"}`');

  for (const [update, request, code, text] of [
    ['pause', { step: 'train' }, 'F2C_PAUSED_ALREADY', 'train is paused already, since '],
    ['pause', { step: 'faces' }, 'F2C_NOTHING_TO_PAUSE', 'faces is done'],
    ['pause', { step: 'trian' }, 'F2C_STEP_UNKNOWN', 'Its steps: faces, people, train, later.'],
    ['pause', { step: '' }, 'F2C_PAUSE_INVALID', 'says not what to pause'],
    ['pause', 'train', 'F2C_PAUSE_INVALID', 'says not what to pause'],
    ['pause', { steps: 'train' }, 'F2C_PAUSE_INVALID', 'says not what to pause'],
    ['pause', { who: 3 }, 'F2C_PAUSE_INVALID', '`who` must be a string'],
    ['continue', undefined, 'F2C_NOT_PAUSED', 'The run as a whole is not paused. Paused: train.'],
    ['continue', { step: 'later' }, 'F2C_NOT_PAUSED', 'later is not paused. Paused: train.'],
  ] as const) {
    const refused = await refusalOf(handle, update, request);
    expect(refused, JSON.stringify(request)).toMatchObject({ type: code });
    expect(refused.message).toContain(text);
  }
  const continued = await f2c(stack.env, 'continue', run, 'train');
  expect(continued.stdout).toBe(`train: continued. \`npx f2c show ${run}\` shows the run.\n`);

  // The whole run, as Temporal's UI sends it.
  await checkpointBeyond(expected, pausedAt, runs);
  await handle.executeUpdate('pause');
  const whole = await once(handle, 'train', 'paused');
  expect(whole).toMatchObject({ status: 'paused', paused: { at: expect.any(Number) } });
  expect(trainersOf(stack)).toEqual([]);
  expect(await checkpointOf(expected, runs)).toBeLessThan(steps);
  expect(await refusalOf(handle, 'pause')).toMatchObject({ type: 'F2C_PAUSED_ALREADY' });
  expect(await refusalOf(handle, 'continue', { step: 'train' })).toMatchObject({
    message: 'train is not paused. Paused: the run as a whole.',
  });
  await handle.executeUpdate('pause', { args: [{ step: 'later' }] });
  expect(await handle.executeUpdate('continue', { args: [null] })).toBe('the run: continued');
  expect(stepOf(await once(handle, 'later', 'paused'), 'train').status).toBe('done');
  await handle.executeUpdate('continue', { args: [{ step: 'later' }] });

  const state = await runs.ended(handle);
  expect(state.status).toBe('done');
  expect(state).not.toHaveProperty('paused');
  expect(stepOf(state, 'train').answers).toMatchObject([
    { action: 'pause', who: 'ann', note: 'GPU needed' },
    { action: 'continue' },
  ]);
  expect(state.answers?.map(({ action }) => action)).toEqual(['pause', 'continue']);
  // All of the pause, and as much of the other one, is no work.
  const pausedMs = (stepOf(state, 'train').answers?.[1]?.at ?? 0) - (stepOf(paused, 'train').since ?? 0);
  expect(pausedMs).toBeGreaterThan(0);
  expect(stepOf(state, 'train').waitedMs).toBeGreaterThanOrEqual(pausedMs);
  expect(stepOf(state, 'train')).toMatchObject({
    status: 'done',
    attempts: 3,
    artifact: { digest: expected.artifact?.digest },
  });
  expect((await handle.describe()).searchAttributes.f2cState).toEqual(['done']);
  const late = await f2c(stack.env, 'pause', run);
  expect(late.stderr).toContain(`F2C_NOTHING_TO_PAUSE: The run ${run} has ended`);
}, 600_000);

it('a run that is paused before its first step does nothing, and ends when it is cancelled', async () => {
  const handle = await runs.start(pipeline);
  await handle.executeUpdate('pause', { args: [{ who: '', note: '' }] });
  const state = await once(handle, 'faces', 'paused');
  expect(state.paused).toEqual({ at: expect.any(Number) });
  expect(outcomes(state)).toEqual([
    ['faces', 'paused'],
    ['people', 'waiting'],
    ['train', 'waiting'],
    ['later', 'waiting'],
  ]);
  await handle.cancel();
  const ended = await runs.ended(handle);
  expect([ended.status, stepOf(ended, 'faces').status]).toEqual(['cancelled', 'cancelled']);
}, 120_000);

it('every history of these runs is replayed to the same commands', async () => {
  const workflowsPath = fileURLToPath(new URL('./registered.ts', import.meta.url));
  const histories = [];
  for await (const { workflowId, runId } of runs.client.workflow.list({
    query: "WorkflowType = 'runPipeline'",
  })) {
    const history = await runs.client.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.push({ workflowId, history });
  }
  expect(histories.length).toBe(3);
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowsPath }, histories)) {
    expect({ workflowId, error }).toEqual({ workflowId, error: undefined });
  }
}, 120_000);

/** The state of a run once a step of it has this status. */
function once(handle: WorkflowHandle, step: string, status: string): Promise<RunState> {
  return eventually(async () => {
    const state = await handle.query<RunState>('state');
    return state.steps.find(({ id }) => id === step)?.status === status ? state : undefined;
  });
}

async function refusalOf(handle: WorkflowHandle, update: string, request?: unknown) {
  const error: unknown = await handle.executeUpdate(update, { args: [request] }).catch((reason) => reason);
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure))
    throw error;
  return error.cause;
}
