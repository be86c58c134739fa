import { expect, test } from 'vitest';
import type { Exit } from './child.ts';
import { keepRunning, type Part } from './keep.ts';

interface FakePart extends Part {
  crash(): void;
}

function fakePart(): FakePart {
  let end: (exit: Exit) => void = () => {};
  const exited = new Promise<Exit>((resolve) => {
    end = resolve;
  });
  const stop = async () => end({ code: 0, signal: null });
  return {
    child: { pid: 0, log: '', exited, stop },
    stop,
    crash: () => end({ code: null, signal: 'SIGKILL' }),
  };
}

test('a part that ends is started again, also when the first new start fails', async () => {
  const [first, second] = [fakePart(), fakePart()];
  const outcomes: (() => FakePart)[] = [
    () => first,
    () => {
      throw new Error('port taken');
    },
    () => second,
  ];
  const events: string[] = [];
  const kept = await keepRunning(
    async () => {
      const outcome = outcomes.shift();
      if (outcome === undefined) throw new Error('one start too many');
      return outcome();
    },
    (event) => events.push(event),
  );
  expect(kept.first).toBe(first);
  first.crash();
  await expect
    .poll(() => events)
    .toEqual(['is ready', 'ended (SIGKILL)', 'did not start again: port taken', 'is running again']);

  await kept.stop();
  expect(await second.child.exited).toEqual({ code: 0, signal: null });
});

test('a stop gives up a start that is going on', async () => {
  const first = fakePart();
  const starts: AbortSignal[] = [];
  const events: string[] = [];
  const kept = await keepRunning(
    async (signal) => {
      starts.push(signal);
      if (starts.length === 1) return first;
      return new Promise<FakePart>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    },
    (event) => events.push(event),
  );
  first.crash();
  await expect.poll(() => starts.length).toBe(2);
  await kept.stop();
  expect(events).toEqual(['is ready', 'ended (SIGKILL)']);
});

test('a part whose start could not be given up is stopped once it is there', async () => {
  const [first, second] = [fakePart(), fakePart()];
  const starts: AbortSignal[] = [];
  const kept = await keepRunning(
    async (signal) => {
      starts.push(signal);
      if (starts.length === 1) return first;
      return new Promise<FakePart>((resolve) => {
        signal.addEventListener('abort', () => resolve(second));
      });
    },
    () => {},
  );
  first.crash();
  await expect.poll(() => starts.length).toBe(2);
  await kept.stop();
  expect(await second.child.exited).toEqual({ code: 0, signal: null });
});
