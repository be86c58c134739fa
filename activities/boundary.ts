import { ApplicationFailure, activityInfo, CancelledFailure, Context } from '@temporalio/activity';
import type { ErrorCode } from '../errors/catalogue.ts';
import { F2cError } from '../errors/failure.ts';
import { maskedError, secretMask } from './secrets.ts';
import type { Progress } from './step.ts';
import type { FailureDetails, HeartbeatDetails } from './tasks.ts';

const heartbeatMs = 1_000;

/**
 * The border between Temporal and the product's own code. Inside, there is an abort signal and a function
 * that reports progress; outside, heartbeats at a steady pace and failures with a stable type.
 */
export async function asActivity<T>(
  work: (signal: AbortSignal, progress: (progress: Progress) => void) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  const details: HeartbeatDetails = { progress: null, queuedMs: queuedMs() };
  const beat = () => context.heartbeat(details);
  const timer = setInterval(beat, heartbeatMs);
  const progress = (latest: Progress) => {
    details.progress = latest;
  };
  try {
    return await work(context.cancellationSignal, progress);
  } catch (error) {
    const stopping = context.cancellationSignal.aborted;
    if (stopping && !context.cancellationDetails?.workerShutdown)
      throw new CancelledFailure('stopped on request', [detailsOf(details)]);
    throw stopping
      ? failure('F2C_WORKER_STOPPED', 'The worker was shut down.', details)
      : activityFailure(error, details);
  } finally {
    clearInterval(timer);
  }
}

/** How long ago the activity that asks was put into its queue: to be asked when it begins. */
export function queuedMs(): number {
  return Math.max(Date.now() - activityInfo().currentAttemptScheduledTimestampMs, 0);
}

/** Why the activity that asks was told to stop, in words; undefined if it was not. */
export function stopReason(): string | undefined {
  const { cancellationSignal, cancellationDetails: why } = Context.current();
  if (!cancellationSignal.aborted) return undefined;
  if (why?.workerShutdown) return 'its worker is shut down';
  return why?.timedOut ? 'it ran longer than its timeout' : 'on request';
}

/** What is said here is kept in a history, so no secret of the environment is in it. */
function activityFailure(error: unknown, details: HeartbeatDetails): ApplicationFailure {
  const mask = secretMask();
  if (error instanceof F2cError) return failure(error.code, mask(error.message), details);
  return error instanceof Error
    ? failure('F2C_STEP_CRASHED', mask(error.message), details, maskedError(error, mask))
    : failure('F2C_STEP_CRASHED', mask(String(error)), details);
}

function failure(type: ErrorCode, message: string, details: HeartbeatDetails, cause?: Error) {
  const told = detailsOf(details);
  return ApplicationFailure.create({ type, message, details: [told], ...(cause && { cause }) });
}

function detailsOf({ progress, queuedMs = 0 }: HeartbeatDetails): FailureDetails {
  return { done: progress?.done ?? 0, queuedMs };
}
