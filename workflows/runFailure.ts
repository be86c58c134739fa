import { stepIdOf } from '../language/plan/resolve.ts';
import { type Shortage, shortageText } from '../language/plan/shortage.ts';
import type { RunState, StepFailure, StepState } from './runTypes.ts';

/** Failures of a short step that are told; the log has the others. */
const mostFailures = 3;

/** Why a run of which everything has ended has failed; undefined if it has not. */
export function failureOf({ steps }: RunState, shortages: readonly Shortage[]): StepFailure | undefined {
  const isShort = ({ id }: StepState) => shortages.some(({ step }) => step === id);
  const failed = steps.filter((state) => state.status === 'failed' && !state.tolerated && !isShort(state));
  const reasons = failed.map(({ id, error }) => `Step ${id} failed with ${error?.code}: ${error?.message}`);
  const short = shortages.map((shortage) => shortReason(shortage, steps));
  if (short.length === 0 && reasons.length === 0) return undefined;
  const code = reasons.length === 0 ? 'F2C_TOO_FEW_DONE' : 'F2C_RUN_FAILED';
  return { code, message: [...reasons, ...short].join('\n') };
}

function shortReason(shortage: Shortage, steps: StepState[]): string {
  // A step that is run by slices tells it by itself.
  const whole = steps.find(({ id, tally }) => id === shortage.step && tally !== undefined);
  if (whole?.error !== undefined) return whole.error.message;
  const failed = steps.filter(({ id, status }) => status === 'failed' && stepIdOf(id) === shortage.step);
  // It was missed on purpose only as long as there were enough others.
  for (const state of failed) delete state.tolerated;
  const told = failed
    .slice(0, mostFailures)
    .map(({ id, error }) => `${id}: ${error?.code}: ${error?.message}`);
  return [`Of ${shortage.step} ${shortageText(shortage)}. What failed first:`, ...told].join('\n');
}
