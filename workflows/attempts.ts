import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  isCancellation,
  log,
  sleep,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { FailureDetails, HeartbeatDetails } from '../activities/tasks.ts';
import { catalogue, type ErrorCode, isErrorCode } from '../errors/catalogue.ts';
import { durationOf } from '../language/grammar/duration.ts';
import type { PlanRetry } from '../language/plan/plan.ts';
import type { StepFailure } from './runTypes.ts';

/** Attempts that may end without the step getting further, before a person has to look. */
const attemptsWithoutProgress = 20;

interface Attempted extends StepFailure {
  retry: (typeof catalogue)[ErrorCode]['retry'];
  /** How far the attempt came. */
  done: number;
}

/** An attempt was stopped by a pause. The next one goes on where it was, and the step has lost no try. */
export class Interrupted extends Error {}

/** The step is left to the workflow that goes on with this one's work. */
export class Left extends Error {}

/**
 * Calls `attempt` until it succeeds or fails for good. What the environment does to a step (a dead worker, an
 * unreachable store) is tried again without limit as long as the step gets further; the step's own failures
 * are limited by `retry.attempts`, counted anew whenever it got further. Waits are durable timers. Attempts are
 * numbered from `first` on; one that runs longer than `timeoutMs` fails.
 */
export async function untilDone<T>(
  what: string,
  retry: PlanRetry,
  attempt: (number: number) => Promise<T>,
  onFailure: (failure: StepFailure) => void,
  { first = 1, timeoutMs }: { first?: number; timeoutMs?: number } = {},
): Promise<T> {
  let furthest = 0;
  let own = 0;
  let stuck = 0;
  let waits = 0;
  for (let number = first; ; number++) {
    try {
      return await attempt(number);
    } catch (error) {
      if (isCancellation(error) || error instanceof Left) throw error;
      if (error instanceof Interrupted) continue;
      const failure = readFailure(error, timeoutMs);
      if (failure.done > furthest) {
        furthest = failure.done;
        own = 0;
        stuck = 0;
        waits = 0;
      }
      if (failure.code !== 'F2C_STORE_UNREACHABLE') stuck++;
      if (failure.retry === 'counted') own++;
      if (failure.retry === 'never' || own >= retry.attempts) throw finalFailure(failure);
      if (stuck >= attemptsWithoutProgress) {
        const message = `${stuck} attempts got no further; the last one: ${failure.code}: ${failure.message}`;
        throw finalFailure({ code: 'F2C_NO_PROGRESS', message });
      }
      const waitMs = Math.min(retry.backoffMs * retry.factor ** waits++, retry.maxBackoffMs);
      log.warn(`${what}: attempt ${number} failed`, { code: failure.code, message: failure.message, waitMs });
      onFailure({ code: failure.code, message: failure.message });
      await sleep(waitMs, { summary: `${what}: waits before attempt ${number + 1} (${failure.code})` });
    }
  }
}

/** The failure of a step or a run, as workflow code may throw it. */
export function finalFailure({ code, message }: StepFailure): ApplicationFailure {
  return ApplicationFailure.create({ type: code, message, nonRetryable: true });
}

/**
 * How long work that failed or was stopped had waited for a worker, as far as it could say so. What was stopped after
 * `passedMs` and says nothing has never begun.
 */
export function queuedMsOf(thrown: unknown, passedMs: number): number {
  const error = thrown instanceof Interrupted ? thrown.cause : thrown;
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof CancelledFailure) {
    const [details] = (cause.details ?? []) as FailureDetails[];
    return details === undefined ? passedMs : (details.queuedMs ?? 0);
  }
  const timedOut = cause instanceof TimeoutFailure ? cause.lastHeartbeatDetails : undefined;
  const told = cause instanceof ApplicationFailure ? cause.details?.[0] : timedOut;
  return (told as Partial<FailureDetails & HeartbeatDetails> | undefined)?.queuedMs ?? 0;
}

/** What went wrong in an activity, whichever way Temporal tells it. */
function readFailure(error: unknown, timeoutMs: number | undefined): Attempted {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) {
    const details = cause.lastHeartbeatDetails as HeartbeatDetails | undefined;
    const done = details?.progress?.done ?? 0;
    if (cause.timeoutType === 'HEARTBEAT') {
      return { code: 'F2C_WORKER_DIED', message: 'The worker went silent.', retry: 'always', done };
    }
    const advice =
      timeoutMs === undefined ? '' : ` of ${durationOf(timeoutMs)}. Give it a longer one in the pipeline`;
    return {
      code: 'F2C_STEP_TIMEOUT',
      message: `The step ran longer than its timeout${advice}.`,
      retry: 'counted',
      done,
    };
  }
  if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) {
    const details = cause.details?.[0] as FailureDetails | undefined;
    return {
      code: cause.type,
      message: cause.message,
      retry: catalogue[cause.type].retry,
      done: details?.done ?? 0,
    };
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return { code: 'F2C_STEP_CRASHED', message, retry: 'counted', done: 0 };
}
