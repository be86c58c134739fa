import type { WorkflowExecutionDescription } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time';
import { contracts } from '../activities/registry.ts';
import type { TaskQueues } from '../activities/taskQueues.ts';
import type { AtQueue, RunState } from '../workflows/runTypes.ts';

/** A worker with a free slot takes a step at once; what waits for longer is worth telling. */
const patienceMs = 3_000;

/** Temporal's PENDING_ACTIVITY_STATE_SCHEDULED. */
const scheduled = 1;

type Pending = NonNullable<WorkflowExecutionDescription['raw']['pendingActivities']>[number];

/** The state of a run with what its steps wait for now: the run itself knows only what it was told before. */
export async function withQueues(
  state: RunState,
  info: WorkflowExecutionDescription,
  queues: TaskQueues,
): Promise<RunState> {
  // What Temporal has ended keeps its activities as pending for good.
  if (state.endedAt !== undefined) return state;
  const waiting = await waitingAt(info, queues);
  const queued = queuedBefore(info);
  const steps = state.steps.map(({ atQueue: _, ...state }) => {
    const queuedMs = queued.get(state.id) ?? 0;
    const step = queuedMs > 0 ? { ...state, waitedMs: (state.waitedMs ?? 0) + queuedMs } : state;
    const place = waiting.get(step.id);
    if (place === undefined) return step;
    return { ...step, atQueue: { ...place, role: contracts[step.uses]?.queue ?? place.queue } };
  });
  return { ...state, steps };
}

/** Queues with work of a run that no worker will take. */
export async function unservedQueues(
  info: WorkflowExecutionDescription,
  queues: TaskQueues,
): Promise<string[]> {
  const waiting = [...(await waitingAt(info, queues)).values()];
  return [...new Set(waiting.flatMap(({ queue, served }) => (served ? [] : [queue])))];
}

/** The step instances that no worker has taken for a while. */
async function waitingAt(
  { raw }: WorkflowExecutionDescription,
  queues: TaskQueues,
): Promise<Map<string, Omit<AtQueue, 'role'>>> {
  const pending = raw.pendingActivities ?? [];
  const busy = new Set(pending.filter(({ state }) => state !== scheduled).map(queueOf));
  const waiting = new Map<string, Omit<AtQueue, 'role'>>();
  for (const activity of pending) {
    const since = optionalTsToMs(activity.scheduledTime) ?? 0;
    if (activity.state !== scheduled || Date.now() - since <= patienceMs) continue;
    const queue = queueOf(activity);
    const served = busy.has(queue) || (await queues.isServed(queue));
    waiting.set(stepOf(activity), { queue, since, served });
  }
  return waiting;
}

/** How long the work that goes on has waited for its worker; the run is told when it has ended. */
function queuedBefore({ raw }: WorkflowExecutionDescription): Map<string, number> {
  const queued = new Map<string, number>();
  for (const activity of raw.pendingActivities ?? []) {
    const { activityId, state, scheduledTime, lastStartedTime } = activity;
    if (state === scheduled || !lastStartedTime || !/#\d+$/.test(activityId ?? '')) continue;
    const ms = (optionalTsToMs(lastStartedTime) ?? 0) - (optionalTsToMs(scheduledTime) ?? 0);
    if (ms > 0) queued.set(stepOf(activity), ms);
  }
  return queued;
}

function queueOf({ activityOptions }: Pending): string {
  return activityOptions?.taskQueue?.name ?? '';
}

/** Activity ids are `<step instance>#<attempt>`. */
export function stepOf({ activityId }: Pending): string {
  return activityId?.slice(0, activityId.lastIndexOf('#')) ?? '';
}
