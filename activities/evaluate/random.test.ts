import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, sampleDistinct, shuffle } from './random.ts';

describe('createRandom', () => {
  it('gives the same numbers for the same seed, on every machine', () => {
    // Worked out by a second implementation, in Python.
    const random = createRandom('golden');
    expect(Array.from({ length: 8 }, () => random.below(1000))).toEqual([
      901, 73, 930, 341, 85, 323, 189, 901,
    ]);
  });

  it('gives other numbers for another seed', () => {
    const [a, b] = [createRandom('a'), createRandom('b')];
    expect(a.below(2 ** 53)).not.toBe(b.below(2 ** 53));
  });

  it('makes every value equally likely, also where 2^53 is no multiple of the bound', () => {
    const random = createRandom('fair');
    // With a plain remainder of 2^53 the lower third would come twice as often as the rest.
    const bound = 3 * 2 ** 51;
    let lowerThird = 0;
    for (let i = 0; i < 30_000; i++) if (random.below(bound) < bound / 3) lowerThird++;
    expect(Math.abs(lowerThird - 10_000)).toBeLessThan(400);
  });
});

describe('sampleDistinct', () => {
  it('gives distinct numbers in range and ascending order', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), fc.string(), (a, b, seed) => {
        const [count, total] = a < b ? [a, b] : [b, a];
        const sample = [...sampleDistinct(createRandom(seed), total, count)];
        expect(sample).toHaveLength(count);
        expect(new Set(sample).size).toBe(count);
        expect(sample).toEqual([...sample].sort((x, y) => x - y));
        for (const number of sample) expect(number >= 0 && number < total).toBe(true);
      }),
    );
  });

  it('takes every number equally often', () => {
    const random = createRandom('sample');
    const times = new Array<number>(10).fill(0);
    for (let round = 0; round < 10_000; round++) {
      for (const number of sampleDistinct(random, 10, 3)) times[number] = (times[number] as number) + 1;
    }
    for (const count of times) expect(Math.abs(count - 3000)).toBeLessThan(250);
  });

  it('draws from more than 2^32 numbers', () => {
    const sample = sampleDistinct(createRandom('large'), 2 ** 50, 100);
    expect(sample.filter((number) => number > 2 ** 49).length).toBeGreaterThan(30);
  });
});

describe('shuffle', () => {
  it('keeps the numbers and makes every order equally likely', () => {
    const random = createRandom('shuffle');
    const times = new Map<string, number>();
    for (let round = 0; round < 6000; round++) {
      const order = shuffle(random, Float64Array.of(1, 2, 3)).join('');
      times.set(order, (times.get(order) ?? 0) + 1);
    }
    expect([...times.keys()].sort()).toEqual(['123', '132', '213', '231', '312', '321']);
    for (const count of times.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
