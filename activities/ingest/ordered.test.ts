import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inOrder } from './ordered.ts';

async function* numbers(count: number, onTaken: () => void = () => undefined) {
  for (let number = 0; number < count; number++) {
    onTaken();
    yield number;
  }
}

test('results come in the order of the items, however long each takes', async () => {
  const work = async (number: number) => {
    for (let turns = (number * 7) % 11; turns > 0; turns--) await turn();
    return number;
  };
  const results: number[] = [];
  for await (const result of inOrder(numbers(50), 8, work)) results.push(result);
  expect(results).toEqual([...Array(50).keys()]);
});

test('no more than `width` items are taken from the source before a result is', async () => {
  let taken = 0;
  let running = 0;
  let most = 0;
  const work = async (number: number) => {
    most = Math.max(most, ++running);
    await turn();
    running--;
    return number;
  };
  const results = inOrder(
    numbers(100, () => taken++),
    4,
    work,
  );
  await results.next();
  await turn();
  expect(taken).toBe(4);
  for await (const _ of results);
  expect(taken).toBe(100);
  expect(most).toBeLessThanOrEqual(4);
});

test('a failure is thrown in its turn, after the work in progress has ended', async () => {
  const ended: number[] = [];
  const work = async (number: number) => {
    if (number === 2) throw new Error('two');
    for (let turns = 0; turns < 5; turns++) await turn();
    ended.push(number);
    return number;
  };
  const results: number[] = [];
  const run = async () => {
    for await (const result of inOrder(numbers(9), 4, work)) results.push(result);
  };
  await expect(run()).rejects.toThrow(new Error('two'));
  expect(results).toEqual([0, 1]);
  expect(ended.sort()).toEqual([0, 1, 3, 4, 5]);
});
