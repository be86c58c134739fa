import { expect, test } from 'vitest';
import { patienceMs } from './watchdog.ts';

test.each([
  [0, 600],
  [10, 600],
  [30, 1_500],
])('a trainer that was silent for %d s may be so for %d s', (longest, patience) => {
  expect(patienceMs(1_000 * longest, {})).toBe(1_000 * patience);
});

test.each([
  ['90', 90],
  ['0.5', 0.5],
  ['', 1_500],
  ['soon', 1_500],
  ['-1', 1_500],
])('the worker may say how long: %j', (F2C_TRAINER_PATIENCE_SECONDS, patience) => {
  expect(patienceMs(30_000, { F2C_TRAINER_PATIENCE_SECONDS })).toBe(1_000 * patience);
});
