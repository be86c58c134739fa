import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { catalogue, type ErrorCode } from '../errors/catalogue.ts';
import { F2cError } from '../errors/failure.ts';
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
  const details: HeartbeatDetails = { progress: null };
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
      throw new CancelledFailure('stopped on request');
    throw stopping
      ? failure('F2C_WORKER_STOPPED', { what: 'The worker was shut down' }, details)
      : activityFailure(error, details);
  } finally {
    clearInterval(timer);
  }
}

/** For activities that are over in a moment: only the failures are translated. */
export async function asShortActivity<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw activityFailure(error, { progress: null });
  }
}

function activityFailure(error: unknown, details: HeartbeatDetails): ApplicationFailure {
  if (error instanceof F2cError) return failure(error.code, error.parts, details, error);
  const what = error instanceof Error ? error.message : String(error);
  return failure('F2C_STEP_CRASHED', { what }, details, error instanceof Error ? error : undefined);
}

function failure(
  code: ErrorCode,
  { what, where, fix }: { what: string; where?: string | undefined; fix?: string | undefined },
  { progress }: HeartbeatDetails,
  cause?: Error,
): ApplicationFailure {
  const details: FailureDetails = {
    what,
    ...(where === undefined ? {} : { where }),
    ...(fix === undefined ? {} : { fix }),
    done: progress?.done ?? 0,
  };
  return ApplicationFailure.create({
    type: code,
    message: cause?.message ?? what,
    nonRetryable: catalogue[code].retry === 'never',
    details: [details],
    ...(cause === undefined || cause instanceof F2cError ? {} : { cause }),
  });
}
