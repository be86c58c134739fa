import { setTimeout as wait } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Progress } from '../activities/step.ts';
import type { HeartbeatDetails } from '../activities/tasks.ts';
import type { RunState } from '../workflows/runTypes.ts';

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

/** Yields snapshots of a run until it has ended, the last one included. */
export async function* watchRun(handle: WorkflowHandle): AsyncGenerator<Snapshot> {
  for (;;) {
    const { status, raw } = await handle.describe();
    const state = await handle.query<RunState>('state');
    yield { state, ...readActivities(raw.pendingActivities ?? []) };
    if (status.name !== 'RUNNING') return;
    await wait(pollMs);
  }
}

type PendingActivity = NonNullable<
  Awaited<ReturnType<WorkflowHandle['describe']>>['raw']['pendingActivities']
>[number];

function readActivities(activities: PendingActivity[]): Pick<Snapshot, 'progress' | 'queued'> {
  const progress = new Map<string, Progress>();
  const queued = new Map<string, string>();
  for (const { activityId, heartbeatDetails, state, activityOptions } of activities) {
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
