import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import type { Bucket } from './bucket.ts';
import { type Execution, leavePlace, takePlace } from './turns.ts';

let server: TestStore;
let bucket: Bucket;
beforeAll(async () => {
  server = await startTestStore();
  bucket = server.store.bucket;
});
afterAll(() => server.stop());

const named = (run: string): Execution => ({ run, execution: `execution of ${run}` });
const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(named) as [Execution, Execution, Execution, Execution];
const allOpen = async () => true;

test('runs stand in the order in which they came, however often they ask', async () => {
  expect(await takePlace(bucket, 'order', a, allOpen)).toEqual([]);
  expect(await takePlace(bucket, 'order', b, allOpen)).toEqual([a]);
  expect(await takePlace(bucket, 'order', c, allOpen)).toEqual([a, b]);
  expect(await takePlace(bucket, 'order', b, allOpen)).toEqual([a]);
  expect(await takePlace(bucket, 'other', d, allOpen)).toEqual([]);
});

test('who leaves names the one that may go because of it', async () => {
  for (const run of [a, b, c, d]) await takePlace(bucket, 'leaving', run, allOpen);
  expect(await leavePlace(bucket, 'leaving', a, { limit: 2, isOpen: allOpen })).toEqual(c);
  // One that had not had its turn.
  expect(await leavePlace(bucket, 'leaving', d, { limit: 2, isOpen: allOpen })).toEqual(c);
  expect(await leavePlace(bucket, 'leaving', b, { limit: 2, isOpen: allOpen })).toBeUndefined();
  expect(await leavePlace(bucket, 'leaving', b, { limit: 1, isOpen: allOpen })).toEqual(c);
});

test('one that has ended without leaving stands in nobody`s way', async () => {
  for (const run of [a, b, c]) await takePlace(bucket, 'ended', run, allOpen);
  const isOpen = async (run: Execution) => run.run !== 'a' && run.run !== 'b';
  expect(await takePlace(bucket, 'ended', c, isOpen)).toEqual([]);
  // The same id again is another run.
  const again = { run: 'a', execution: 'a later one' };
  expect(await takePlace(bucket, 'ended', again, allOpen)).toEqual([c]);
});

test('of many who come at once each has a place of its own', async () => {
  const runs = Array.from({ length: 8 }, (_, i) => named(`run ${i}`));
  const ahead = await Promise.all(runs.map((run) => takePlace(bucket, 'crowd', run, allOpen)));
  expect(ahead.map(({ length }) => length).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('an object that is no list of runs is told', async () => {
  await bucket.write('turns/spoilt.json', '{"runs": 3}');
  await expect(takePlace(bucket, 'spoilt', a, allOpen)).rejects.toMatchObject({ code: 'F2C_DATA_CORRUPT' });
});
