import { expect, it } from 'vitest';
import { rounded } from './rounded.ts';

it.each([
  [0.973333333, 0.9733],
  [0.00012345678, 0.0001235],
  [1_234_567, 1_234_567],
  [161.12345, 161.1],
  [-98_765.4321, -98_765],
])('%d is shown as %d', (value, text) => expect(rounded(value)).toBe(text));
