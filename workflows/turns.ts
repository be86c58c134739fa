import { CancellationScope, condition, defineSignal, log, setHandler } from '@temporalio/workflow';
import type { TurnRequest } from '../activities/turns.ts';
import type { Plan } from '../language/plan/plan.ts';
import { untilDone } from './attempts.ts';
import { endTurn, patient, takeTurn } from './control.ts';
import type { RunState } from './runTypes.ts';

const turnSignal = defineSignal('turn');

/** A run that ends wakes the next. One that was terminated cannot: then the next finds out by itself. */
const firstLookMs = 5_000;
const longestWaitMs = 600_000;

/**
 * Does the work of a run when it is its turn: of a pipeline with `concurrency`, no more runs than that go on at a
 * time, and the others wait in the order in which they came.
 */
export async function inTurn<T>(
  { name, concurrency }: Plan,
  run: RunState,
  changed: () => void,
  work: () => Promise<T>,
): Promise<T> {
  if (concurrency === undefined) return await work();
  const request = { pipeline: name, limit: concurrency };
  let woken = false;
  setHandler(turnSignal, () => {
    woken = true;
  });
  try {
    for (let waitMs = firstLookMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
      woken = false;
      const ahead = await untilDone(
        'turn',
        patient,
        () => takeTurn(request),
        () => {},
      );
      if (ahead.length < concurrency) break;
      run.waitsFor = ahead;
      changed();
      await condition(() => woken, waitMs, { summary: `waits for its turn, behind ${ahead.length}` });
    }
    delete run.waitsFor;
    changed();
    return await work();
  } finally {
    delete run.waitsFor;
    await CancellationScope.nonCancellable(() => leave(request));
  }
}

/** What a run has come to does not hang on it: the next one finds out by itself as well. */
async function leave(request: TurnRequest): Promise<void> {
  try {
    await untilDone(
      'turn',
      patient,
      () => endTurn(request),
      () => {},
    );
  } catch (error) {
    log.warn('the next run was not woken', { error });
  }
}
