import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { StepState } from './runTypes.ts';
import { become, cutOff, timesOf, waitedFor } from './times.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

const step = (): StepState => ({ id: 'train', uses: 'train', status: 'waiting', attempts: 0, startedAt: 0 });

/** Has a step go through statuses, each from a time on. */
function through(state: StepState, statuses: [at: number, status: StepState['status']][]): StepState {
  for (const [at, status] of statuses) {
    vi.setSystemTime(at);
    become(state, status);
  }
  return state;
}

it('tells the time of the work and the waiting apart', () => {
  const state = through(step(), [
    [10, 'awaiting approval'],
    [110, 'running'],
    [200, 'retrying'],
    [230, 'running'],
    [300, 'pausing'],
    [310, 'paused'],
    [1_310, 'running'],
    [1_400, 'held'],
    [2_400, 'running'],
    [2_500, 'done'],
  ]);
  state.endedAt = 2_500;
  expect(timesOf(state, 9_999)).toEqual({ workMs: 370, waitedMs: 100 + 30 + 1_000 + 1_000 });
  waitedFor(state, 70);
  expect(timesOf(state, 9_999)).toEqual({ workMs: 300, waitedMs: 2_200 });
});

it('counts what a step waits for just now, and never more than has passed', () => {
  const state = through(step(), [
    [100, 'running'],
    [400, 'held'],
  ]);
  expect(timesOf(state, 1_000)).toEqual({ workMs: 400, waitedMs: 600 });
  // What another machine's clock says may be anything.
  waitedFor(state, 50_000);
  waitedFor(state, -5);
  expect(timesOf(state, 1_000)).toEqual({ workMs: 0, waitedMs: 1_000 });
  const atQueue = { queue: 'gpu-a100', role: 'gpu', since: 300, served: false };
  expect(timesOf({ ...step(), status: 'running', atQueue }, 1_000)).toEqual({ workMs: 300, waitedMs: 700 });
  expect(timesOf({ id: 'x', uses: 'train', status: 'skipped', attempts: 0 }, 1_000)).toBeUndefined();
});

it('of a run that Temporal has ended nothing goes on, and what waited has waited', () => {
  const paused = {
    ...through(step(), [
      [100, 'running'],
      [400, 'paused'],
    ]),
    paused: { at: 400 },
  };
  const ended = cutOff(paused, 1_000);
  expect(ended).toEqual({ ...step(), status: 'cancelled', since: 400, endedAt: 1_000, waitedMs: 600 });
  expect(timesOf(ended, 9_999)).toEqual({ workMs: 400, waitedMs: 600 });
  const done: StepState = { ...step(), status: 'done', endedAt: 300 };
  expect(cutOff(done, 1_000)).toBe(done);
  const waiting: StepState = { id: 'model', uses: 'export', status: 'waiting', attempts: 0 };
  expect(cutOff(waiting, 1_000)).toEqual({ ...waiting, status: 'cancelled', endedAt: 1_000 });
});
