import { setTimeout as wait } from 'node:timers/promises';
import { ServiceError, type WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { optionalTsToMs } from '@temporalio/common/lib/time';
import type { Progress } from '../activities/step.ts';
import type { HeartbeatDetails } from '../activities/tasks.ts';
import { catalogue } from '../errors/catalogue.ts';
import { F2cError } from '../errors/failure.ts';
import type { RunState } from '../workflows/runTypes.ts';
import { describeRun } from './runs.ts';
import type { Session } from './session.ts';
import { queryState } from './state.ts';

/** A run as it is now: its state, and what its running steps report. */
export interface Snapshot {
  run: string;
  state: RunState;
  /** How far the running steps are, by step instance id. */
  progress: Map<string, Progress>;
  /** Step instances that no worker has taken for a while. */
  queued: Map<string, Queued>;
}

export interface Queued {
  queue: string;
  /** False when no worker seems to poll the queue. */
  served: boolean;
}

const pollMs = 500;
/** A worker with a free slot takes a step at once; what waits for longer is worth telling. */
const patienceMs = 3_000;

/** Temporal's PENDING_ACTIVITY_STATE_SCHEDULED and TASK_QUEUE_TYPE_ACTIVITY. */
const scheduled = 1;
const activities = 2;

/**
 * Yields snapshots of a run until it has ended, the last one included. A server or a worker that does not
 * answer for a while does not end the watch, as it does not end the run; `away` is told once each time.
 * F2C_STACK_DOWN when the embedded stack has ended, F2C_RUN_STUCK.
 */
export async function* watchRun(
  session: Session,
  id: string,
  away: (why: string) => void,
): AsyncGenerator<Snapshot> {
  let answering = true;
  for (;;) {
    refuseEnded(session, id);
    try {
      const run = await describeRun(session.client, id);
      const state = await queryState(run);
      const progress = progressOf(run.info);
      yield { run: id, state, progress, queued: await queuedOf(run.info, session) };
      answering = true;
      if (run.info.status.name !== 'RUNNING') return;
    } catch (error) {
      if (!passes(error)) throw error;
      if (answering) away(error.cause instanceof Error ? error.cause.message : error.message);
      answering = false;
    }
    await wait(pollMs);
  }
}

/** F2C_STACK_DOWN when the embedded stack that a run is watched on has ended. */
export function refuseEnded(session: Session, id: string): void {
  if (session.fate() !== 'ended') return;
  throw new F2cError('F2C_STACK_DOWN', {
    what: `The embedded stack has ended before the run ${id}`,
    fix: 'Start it with `npx f2c up`: the run goes on by itself where it was',
  });
}

/** Whether what went wrong may be over by the next question. */
export function passes(error: unknown): error is ServiceError | F2cError {
  if (error instanceof F2cError) return catalogue[error.code].retry === 'always';
  return error instanceof ServiceError;
}

function progressOf({ raw }: WorkflowExecutionDescription): Map<string, Progress> {
  const progress = new Map<string, Progress>();
  for (const { activityId, heartbeatDetails } of raw.pendingActivities ?? []) {
    const payload = heartbeatDetails?.payloads?.[0];
    if (!payload) continue;
    const details = defaultPayloadConverter.fromPayload<HeartbeatDetails>(payload);
    if (details.progress !== null) progress.set(stepOf(activityId), details.progress);
  }
  return progress;
}

async function queuedOf(
  { raw }: WorkflowExecutionDescription,
  session: Session,
): Promise<Map<string, Queued>> {
  const pending = raw.pendingActivities ?? [];
  const waiting = pending.filter(
    ({ state, scheduledTime }) =>
      state === scheduled && Date.now() - (optionalTsToMs(scheduledTime) ?? 0) > patienceMs,
  );
  const busy = new Set(pending.filter(({ state }) => state !== scheduled).map(queueOf));
  const queued = new Map<string, Queued>();
  for (const activity of waiting) {
    const queue = queueOf(activity);
    const served = busy.has(queue) || (await isServed(queue, session));
    queued.set(stepOf(activity.activityId), { queue, served });
  }
  return queued;
}

/** The embedded stack always has its workers; of others it is only known who has polled lately. */
async function isServed(queue: string, { webUi, client }: Session): Promise<boolean> {
  if (webUi !== undefined) return true;
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType: activities,
  });
  return pollers.length > 0;
}

function queueOf(activity: {
  activityOptions?: { taskQueue?: { name?: string | null } | null } | null;
}): string {
  return activity.activityOptions?.taskQueue?.name ?? '';
}

/** Activity ids are `<step instance>#<attempt>`. */
function stepOf(activityId: string | null | undefined): string {
  return activityId?.slice(0, activityId.lastIndexOf('#')) ?? '';
}
