import type { Tally } from '../language/plan/outcomes.ts';
import type { StepState } from './runTypes.ts';

/** "9990 of 10000 done, 10 failed, 400 running; 120 from the store". */
export function tallyText({ total, done, failed, skipped, running, queued = 0, reused }: Tally): string {
  const parts = [
    [failed, 'failed'],
    [skipped, 'skipped'],
    [running, 'at work'],
    [queued, 'queued'],
  ] as const;
  const others = parts.flatMap(([count, what]) => (count === 0 ? [] : [`, ${count} ${what}`]));
  return `${done} of ${total} done${others.join('')}; ${reused} from the store`;
}

/** The first failures of a step that is run by slices, where no error tells them. */
export function failuresIn({ tally, error }: StepState): string[] {
  if (tally === undefined || error !== undefined) return [];
  return tally.failures.map(({ id, code, message }) => `${id}: ${code}: ${message}`);
}
