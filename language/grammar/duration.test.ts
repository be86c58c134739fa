import { expect, test } from 'vitest';
import { durationMs, durationOf } from './duration.ts';

test.each([
  ['90s', 90_000],
  ['61m', 3_660_000],
  ['30m', 1_800_000],
  ['12h', 43_200_000],
  ['7d', 604_800_000],
  ['3650d', 315_360_000_000],
])('%s', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
  expect(durationOf(ms)).toBe(text);
});

test.each(['', '0s', '05m', '-1m', '1.5h', '1h30m', '10', '10 m', '1w', 'm', '3651d', '1e3s', ' 1s', '1s\n'])(
  'refuses %j',
  (text) => {
    expect(durationMs(text)).toBeUndefined();
  },
);
