/** Runs inside the workflow: imports nothing but types and pure functions. */
import { stepsNamed } from './names.ts';
import type { Plan, PlanStep } from './plan.ts';

/** How many instances of a step ended in which way. */
export interface Counts {
  done: number;
  /** Without those that were skipped on purpose. */
  total: number;
}

/** Too few instances of a step are done. */
export interface Shortage extends Counts {
  step: string;
  /** How many would have been enough. */
  least: number;
}

/** Whether a run may go on without an instance of the step that fails for good. */
export function isSpared({ onFailure, minSuccess, always }: PlanStep): boolean {
  return onFailure === 'continue' || minSuccess !== undefined || always === true;
}

/** Counts of instances that have all ended. What is skipped on purpose is not wanted, so it does not count. */
export function countsOf(ended: Iterable<{ status: string; tolerated?: true }>): Counts {
  const counts = { done: 0, total: 0 };
  for (const { status, tolerated } of ended) {
    if (status === 'skipped' && tolerated) continue;
    counts.total++;
    if (status === 'done') counts.done++;
  }
  return counts;
}

/** What a step lacks for its `minSuccess` once all of its instances have ended; undefined if nothing. */
export function shortageOf({ id, minSuccess }: PlanStep, { done, total }: Counts): Shortage | undefined {
  if (minSuccess === undefined) return undefined;
  // 0.07 * 100 is a little above 7.
  const least = Math.ceil(minSuccess * total - 1e-9);
  return done < least ? { step: id, done, total, least } : undefined;
}

/** The shortage of a step or a sub-pipeline, or of a step that it depends on: what it lacks then is missing here as well. */
export function inheritedShortage(
  plan: Plan,
  step: string,
  countsAt: (step: string) => Counts,
): Shortage | undefined {
  const byId = new Map(plan.steps.map((each) => [each.id, each]));
  const stepsOf = (id: string) => {
    const found = byId.get(id);
    return found === undefined ? stepsNamed(plan, id) : [found];
  };
  const seen = new Set<string>();
  const waiting = stepsOf(step);
  for (const found of waiting) {
    const { id, needs, wholes = [] } = found;
    if (seen.has(id)) continue;
    seen.add(id);
    const shortage = found.minSuccess === undefined ? undefined : shortageOf(found, countsAt(id));
    if (shortage !== undefined) return shortage;
    waiting.push(...[...needs, ...wholes].flatMap(stepsOf));
  }
  return undefined;
}

/** "3 of 10 instances are done, and `minSuccess` asks for 9". */
export function shortageText({ done, total, least }: Shortage): string {
  return `${done} of ${total} instances are done, and \`minSuccess\` asks for ${least}`;
}
