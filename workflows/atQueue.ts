import type { LookUp } from '../activities/tasks.ts';
import type { StepState } from './runTypes.ts';

/**
 * Does work of a step and tells people while no worker is there for it: until it has ended, or says itself that it
 * has begun. Other work is awaited as it always was, since one more turn would reorder the commands of old histories.
 */
export function atQueue<T>(
  unserved: LookUp['unserved'],
  { state, changed }: { state: StepState; changed: () => void },
  work: () => Promise<T>,
): Promise<T> {
  if (unserved === undefined) return work();
  state.atQueue = { ...unserved, since: Date.now(), served: false };
  changed();
  return ended(state, work());
}

async function ended<T>(state: StepState, working: Promise<T>): Promise<T> {
  try {
    return await working;
  } finally {
    delete state.atQueue;
  }
}
