import { setTimeout as wait } from 'node:timers/promises';
import { ServiceError, type WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { Progress } from '../activities/step.ts';
import type { HeartbeatDetails } from '../activities/tasks.ts';
import { catalogue } from '../errors/catalogue.ts';
import { F2cError } from '../errors/failure.ts';
import type { RunState } from '../workflows/runTypes.ts';
import { stepOf, withQueues } from './atQueue.ts';
import { describeRun } from './runs.ts';
import { queuesOf, type Session } from './session.ts';
import { queryState } from './state.ts';

/** A run as it is now: its state, and what its running steps report. */
export interface Snapshot {
  run: string;
  state: RunState;
  /** How far the running steps are, by step instance id. */
  progress: Map<string, Progress>;
}

const pollMs = 500;

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
  const queues = queuesOf(session);
  let answering = true;
  for (;;) {
    refuseEnded(session, id);
    try {
      const run = await describeRun(session.client, id);
      const state = await withQueues(await queryState(run), run.info, queues);
      yield { run: id, state, progress: progressOf(run.info) };
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
  for (const activity of raw.pendingActivities ?? []) {
    const payload = activity.heartbeatDetails?.payloads?.[0];
    if (!payload) continue;
    const details = defaultPayloadConverter.fromPayload<HeartbeatDetails>(payload);
    if (details.progress !== null) progress.set(stepOf(activity), details.progress);
  }
  return progress;
}
