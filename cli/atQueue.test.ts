import type { WorkflowExecutionDescription } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { expect, it } from 'vitest';
import type { TaskQueues } from '../activities/taskQueues.ts';
import type { RunState, StepState } from '../workflows/runTypes.ts';
import { withQueues } from './atQueue.ts';

/** Temporal's PENDING_ACTIVITY_STATE_STARTED. */
const started = 2;

it('work that has begun keeps the time that it has waited for a worker', async () => {
  const at = (seconds: number) => msToTs(1_000 * seconds);
  const pendingActivities = [
    { activityId: 'train#2', state: started, scheduledTime: at(100), lastStartedTime: at(160) },
    { activityId: 'model#fingerprint-1', state: started, scheduledTime: at(100), lastStartedTime: at(160) },
  ];
  const step = (id: string): StepState => ({
    id,
    uses: 'train',
    status: 'running',
    attempts: 2,
    waitedMs: 5,
  });
  const state = { status: 'running', steps: [step('train'), step('model')] } as unknown as RunState;
  const info = { raw: { pendingActivities } } as unknown as WorkflowExecutionDescription;
  // No queue is asked about: nothing waits there.
  const ask = (now: RunState) => withQueues(now, info, {} as TaskQueues);
  expect((await ask(state)).steps.map(({ waitedMs }) => waitedMs)).toEqual([60_005, 5]);
  // What Temporal has ended keeps its activities.
  const ended = { ...state, endedAt: 200_000 };
  expect(await ask(ended)).toBe(ended);
});
