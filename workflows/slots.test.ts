import type { WorkflowHandle } from '@temporalio/client';
import { beforeAll, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { replayed } from '../test/support/replay.ts';
import { eventually, stepOf } from '../test/support/runs.ts';
import { folder, runs, stack, withStack } from '../test/support/served.ts';
import { outcomes, splitting, writePeople } from './people.fixture.ts';
import type { RunState } from './runTypes.ts';

withStack();
beforeAll(() => writePeople(folder));

const training = (settings: string) => `
name: turns
summary: Trains several networks one after the other
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(folder)}, imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 2 } }
  train:
    uses: train
    matrix: { seed: [1, 2, 3] }
    concurrency: 1
    ${settings}
    with:
      index: \${{ steps.people.index }}
      seed: \${{ matrix.seed }}
      head: fc
      width: 0.25
      identitiesPerStep: 2
      instancesPerStep: 2
      images: 100000000
`;

it('as many instances are at work as `concurrency` says, and others find what is made meanwhile', async () => {
  const matrix =
    'matrix: { test: [2, 3], seed: [1, 2], exclude: [{ test: 3, seed: 1 }], include: [{ test: 4, seed: 1 }] }';
  const yaml = splitting(folder, `${matrix}\n    concurrency: 1`).replace(/ {2}table: .*\n/, '');
  const handle = await runs.start(yaml);
  const state = await runs.ended(handle);
  expect(state.error).toBeUndefined();
  const people = ['test=2,seed=1', 'test=2,seed=2', 'test=3,seed=2', 'test=4,seed=1'].map(
    (at) => `people[${at}]`,
  );
  expect(outcomes(state).slice(1, 5)).toEqual(people.map((id) => [id, 'done']));
  // The first two are the same work: one of them has waited, and finds what the other has made.
  const { most, order } = await workOf(handle, 'index');
  expect({ most, works: order.length }).toEqual({ most: 1, works: 3 });
  const same = people.slice(0, 2).map((id) => stepOf(state, id));
  expect(same.map(({ attempts }) => attempts).sort()).toEqual([0, 1]);
  expect(same.map(({ cache }) => cache?.split(':')[0]).sort()).toEqual(['hit', 'miss']);

  const again = await runs.start(yaml);
  expect((await runs.ended(again)).error).toBeUndefined();
  expect(await workOf(again, 'index')).toEqual({ most: 0, order: [] });
}, 120_000);

it('one that waits for its next attempt lets the others go', async () => {
  const handle = await runs.start(
    training('timeout: 1s\n    retry: { attempts: 2, backoff: 3s }\n    onFailure: continue'),
  );
  const state = await runs.ended(handle);
  const trainings = [1, 2, 3].map((seed) => `train[seed=${seed}]`);
  for (const id of trainings) {
    expect(stepOf(state, id)).toMatchObject({
      status: 'failed',
      attempts: 2,
      error: {
        code: 'F2C_STEP_TIMEOUT',
        message: expect.stringMatching(/^The step ran longer than its timeout of 1s\. Give it a longer one /),
      },
    });
  }
  const { most, order } = await workOf(handle, 'train');
  expect(most).toBe(1);
  expect(order.slice(0, 3).sort()).toEqual(trainings.map((id) => `${id}#1`));
  expect(order.slice(3).sort()).toEqual(trainings.map((id) => `${id}#2`));
}, 120_000);

it('those in line say so; one that is paused leaves it, and all end when the run is cancelled', async () => {
  const handle = await runs.start(training(''));
  const run = handle.workflowId;
  const state = await once(handle, { running: 1, queued: 2 });
  expect(state.status).toBe('running');
  const idsOf = (status: string) =>
    state.steps.filter((step) => step.uses === 'train' && step.status === status).map(({ id }) => id);
  const [first = ''] = idsOf('running');
  const [next = '', last = ''] = idsOf('queued');
  const reason = 'waits for its turn: 1 of train at a time';
  expect(stepOf(state, next)).toMatchObject({ attempts: 0, reason });
  expect((await f2c(stack.env, 'show', run)).stdout).toContain(reason);
  const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  expect(currentDetails).toContain(`| … | ${next} | queued | ${reason} · miss`);

  const tell = (update: string, step: string) => handle.executeUpdate(update, { args: [{ step }] });
  await tell('pause', next);
  const paused = await once(handle, { running: 1, paused: 1, queued: 1 });
  expect(stepOf(paused, next)).toMatchObject({ status: 'paused' });
  expect(stepOf(paused, next).reason).toBeUndefined();
  await tell('pause', first);
  const passed = await once(handle, { running: 1, paused: 2 });
  expect(stepOf(passed, last).status).toBe('running');
  await tell('continue', first);
  await tell('continue', next);
  await once(handle, { running: 1, queued: 2 });
  await handle.cancel();
  const ended = await runs.ended(handle);
  expect(ended.status).toBe('cancelled');
  expect(outcomes(ended).slice(2)).toEqual([1, 2, 3].map((seed) => [`train[seed=${seed}]`, 'cancelled']));
  expect((await workOf(handle, 'train')).most).toBe(1);
}, 120_000);

it('every history of these runs is replayed to the same commands', async () => {
  const histories = await runs.histories();
  expect(histories.length).toBe(4);
  for (const { workflowId, error } of await replayed(histories)) {
    expect({ workflowId, error }).toEqual({ workflowId, error: undefined });
  }
}, 120_000);

/** The work of a step kind as the history has it: how much of it was pending at most, and in which order it began. */
async function workOf(handle: WorkflowHandle, uses: string): Promise<{ most: number; order: string[] }> {
  const { events } = await handle.fetchHistory();
  const pending = new Set<string>();
  const order: string[] = [];
  let most = 0;
  for (const event of events ?? []) {
    const begun = event.activityTaskScheduledEventAttributes;
    const ended =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    if (begun?.activityType?.name === uses) {
      order.push(begun.activityId ?? '');
      pending.add(String(event.eventId));
      most = Math.max(most, pending.size);
    }
    if (ended) pending.delete(String(ended.scheduledEventId));
  }
  return { most, order };
}

/** The state of a run once so many of its trainings have these statuses. */
function once(handle: WorkflowHandle, counts: Record<string, number>): Promise<RunState> {
  return eventually(async () => {
    const state = await handle.query<RunState>('state');
    const trainings = state.steps.filter(({ uses }) => uses === 'train').map(({ status }) => status);
    const fits = Object.entries(counts).every(
      ([status, count]) => trainings.filter((each) => each === status).length === count,
    );
    return fits ? state : undefined;
  });
}
