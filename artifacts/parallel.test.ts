import { setImmediate as tick } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { forEachParallel } from './parallel.ts';

test('every item is worked on, never more than the limit at a time', async () => {
  const done: number[] = [];
  let running = 0;
  let most = 0;
  await forEachParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    most = Math.max(most, ++running);
    await tick();
    running--;
    done.push(item);
  });
  expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(most).toBe(3);
});

test('after a failure nothing new is begun, and what runs is waited for', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = forEachParallel([1, 2, 3, 4], 2, async (item) => {
    begun.push(item);
    if (item === 1) throw new Error('first');
    await tick();
    ended.push(item);
  });
  await expect(work).rejects.toThrow('first');
  expect(begun).toEqual([1, 2]);
  expect(ended).toEqual([2]);
});
