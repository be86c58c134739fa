import type { StepState, StepStatus } from './runTypes.ts';

/** Statuses of a step that goes on, for all that an attempt of it has failed. */
const goesOn: readonly StepStatus[] = ['queued', 'running', 'pausing', 'paused'];

/** Statuses that a failure has brought about. */
const isFailure: readonly StepStatus[] = ['failed', 'held', 'retrying'];

/** A failure of a step in words; one that it tries to get over is that of the attempt before. Empty where it is over. */
export function failureText(
  { status, error }: StepState,
  tell: (error: NonNullable<StepState['error']>) => string = ({ code, message }) => `${code}: ${message}`,
): string {
  if (error === undefined) return '';
  if (isFailure.includes(status)) return tell(error);
  return goesOn.includes(status) ? `after ${tell(error)}` : '';
}
