import { CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { Plan, PlanRetry, PlanStep } from '../language/plan/plan.ts';
import { type FactOf, stepIdOf } from '../language/plan/resolve.ts';
import { finalFailure } from './attempts.ts';
import { endingOf } from './ending.ts';
import type { RunState } from './runTypes.ts';
import { become } from './times.ts';

/** The text of a failure is told in messages and becomes part of a key. */
const longestError = 4_000;

/**
 * Does the work of a run and then, whatever became of that, what its `always` says. The run ends as the work did.
 * A plan without `always` is not made to wait for anything: old histories know of no such wait.
 */
export async function thenAlways<T>(
  plan: Plan,
  run: RunState,
  changed: () => void,
  work: () => Promise<T>,
  always: (factOf: FactOf) => Promise<void>,
): Promise<T> {
  if (!plan.steps.some((step) => step.always)) return await work();
  const [result] = await Promise.allSettled([work()]);
  const ending = result.status === 'rejected' ? endingOf(result.reason) : undefined;
  run.ending = ending?.status ?? 'done';
  if (ending?.error !== undefined) run.error = ending.error;
  if (run.ending === 'cancelled') leaveWork(plan, run);
  changed();
  const facts = {
    status: run.ending,
    id: workflowInfo().workflowId,
    pipeline: plan.name,
    error: (ending?.error?.message ?? '').slice(0, longestError),
  };
  // A cancellation is what these steps are there for, and one that comes now finds nothing else to end.
  await CancellationScope.nonCancellable(() => always((fact) => facts[fact]));
  delete run.ending;
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

/** What a run that was cancelled has not begun is not waited for, nor is who has paused it. */
function leaveWork(plan: Plan, run: RunState): void {
  delete run.paused;
  delete run.waitsFor;
  const last = new Set(plan.steps.flatMap(({ id, always }) => (always ? [id] : [])));
  for (const state of run.steps) {
    if (state.status === 'waiting' && !last.has(stepIdOf(state.id))) become(state, 'cancelled');
  }
}

/**
 * Gives a step of `always` the time of all its tries and no more. Nobody can cancel it, so it must not wait for ever,
 * for a store or a worker that is gone.
 */
export async function inTime<T>({ id, timeoutMs, retry }: PlanStep, work: () => Promise<T>): Promise<T> {
  const limitMs = retry.attempts * timeoutMs + waitsOf(retry);
  try {
    return await CancellationScope.withTimeout(limitMs, work);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    const message = `${id} did not end within ${Math.round(limitMs / 1000)} seconds, the time of all its tries.`;
    throw finalFailure({ code: 'F2C_STEP_TIMEOUT', message });
  }
}

function waitsOf({ attempts, backoffMs, factor, maxBackoffMs }: PlanRetry): number {
  let waits = 0;
  for (let n = 0; n < attempts - 1; n++) waits += Math.min(backoffMs * factor ** n, maxBackoffMs);
  return waits;
}
