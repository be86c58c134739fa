import { ApplicationFailure, isCancellation, TemporalFailure } from '@temporalio/workflow';
import { finalFailure } from './attempts.ts';
import type { StepFailure } from './runTypes.ts';

/** How a run ends that is not done. */
export interface Ending {
  status: 'failed' | 'cancelled';
  /** What the workflow throws. */
  failure: TemporalFailure;
  /** What is told of it. */
  error?: StepFailure;
}

export function endingOf(thrown: unknown): Ending {
  const status = isCancellation(thrown) ? 'cancelled' : 'failed';
  const failure = thrown instanceof TemporalFailure ? thrown : unforeseen(thrown);
  if (!(failure instanceof ApplicationFailure)) return { status, failure };
  return { status, failure, error: { code: failure.type ?? '', message: failure.message } };
}

/** A defect of the interpreter ends the run; left alone, Temporal would retry the workflow task for ever. */
function unforeseen(error: unknown): ApplicationFailure {
  const message = error instanceof Error ? error.message : String(error);
  return finalFailure({ code: 'F2C_RUN_FAILED', message: `The run could not go on: ${message}` });
}
