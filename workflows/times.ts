import type { StepState, StepStatus } from './runTypes.ts';

/** Statuses in which nothing of a step is done. */
const idle: readonly StepStatus[] = ['queued', 'retrying', 'paused', 'held', 'awaiting approval'];

const ended: readonly StepStatus[] = ['done', 'failed', 'skipped', 'cancelled'];

/** Gives a step another status, and keeps apart how long it has waited in the one before. */
export function become(state: StepState, status: StepStatus): void {
  const now = Date.now();
  waitedFor(state, idleSince(state, now));
  state.status = status;
  state.since = now;
}

/** Adds to the time that a step has waited. */
export function waitedFor(state: StepState, ms: number): void {
  if (ms > 0) state.waitedMs = (state.waitedMs ?? 0) + ms;
}

/** How long a step has worked, and how long it has waited for its turn, a worker, a person, a pause or another try. */
export function timesOf(state: StepState, now: number): { workMs: number; waitedMs: number } | undefined {
  const { startedAt, endedAt, waitedMs = 0, atQueue } = state;
  if (startedAt === undefined) return undefined;
  const passed = Math.max((endedAt ?? now) - startedAt, 0);
  const still = endedAt === undefined ? Math.max(idleSince(state, now), now - (atQueue?.since ?? now)) : 0;
  const waited = Math.min(waitedMs + still, passed);
  return { workMs: passed - waited, waitedMs: waited };
}

/** A step as it is when Temporal has ended its run without asking it. */
export function cutOff(state: StepState, at: number): StepState {
  if (state.endedAt !== undefined || ended.includes(state.status)) return state;
  const { atQueue, paused, waitsFor, deadline, reason, ...step } = state;
  const { waitedMs = 0 } = timesOf(state, at) ?? {};
  return { ...step, status: 'cancelled', endedAt: at, ...(waitedMs > 0 && { waitedMs }) };
}

function idleSince({ status, since }: StepState, now: number): number {
  return idle.includes(status) && since !== undefined ? now - since : 0;
}
