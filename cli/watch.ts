import { setTimeout as wait } from 'node:timers/promises';
import { type Client, ServiceError, type WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Progress } from '../activities/step.ts';
import type { HeartbeatDetails } from '../activities/tasks.ts';
import type { RunState } from '../workflows/runTypes.ts';
import { describeRun, queryState } from './runs.ts';

/** A run as it is now: its state, and what its running steps report. */
export interface Snapshot {
  state: RunState;
  /** How far the running steps are, by step instance id. */
  progress: Map<string, Progress>;
  /** Step instances that no worker has taken yet, with the queue they wait in. */
  queued: Map<string, string>;
}

const pollMs = 500;

/** Temporal's PENDING_ACTIVITY_STATE_SCHEDULED. */
const scheduled = 1;

/**
 * Yields snapshots of a run until it has ended, the last one included. A server or a worker that does not
 * answer for a while does not end the watch, as it does not end the run; `away` is told once each time.
 */
export async function* watchRun(
  client: Client,
  id: string,
  away: (why: string) => void,
): AsyncGenerator<Snapshot> {
  let answering = true;
  for (;;) {
    try {
      const run = await describeRun(client, id);
      yield { state: await queryState(run), ...readActivities(run.info) };
      answering = true;
      if (run.info.status.name !== 'RUNNING') return;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (answering) away(error.cause instanceof Error ? error.cause.message : error.message);
      answering = false;
    }
    await wait(pollMs);
  }
}

function readActivities({ raw }: WorkflowExecutionDescription): Pick<Snapshot, 'progress' | 'queued'> {
  const progress = new Map<string, Progress>();
  const queued = new Map<string, string>();
  for (const { activityId, heartbeatDetails, state, activityOptions } of raw.pendingActivities ?? []) {
    // Activity ids are `<step instance>#<attempt>`.
    const step = activityId?.slice(0, activityId.lastIndexOf('#')) ?? '';
    if (state === scheduled) queued.set(step, activityOptions?.taskQueue?.name ?? '');
    const payload = heartbeatDetails?.payloads?.[0];
    if (!payload) continue;
    const details = defaultPayloadConverter.fromPayload<HeartbeatDetails>(payload);
    if (details.progress !== null) progress.set(step, details.progress);
  }
  return { progress, queued };
}
