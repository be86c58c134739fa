import { describe, expect, it } from 'vitest';
import { bootstrapIntervals } from './interval.ts';
import { choosePairs } from './pairs.ts';
import { createRandom } from './random.ts';
import { equalErrorRate, type Roc, rocCurve, scorePairs } from './roc.ts';

const { signal } = new AbortController();

/** Identities with `images` each, whose pairs overlap by chance: some people are harder than others. */
function draw(identities: number, images: number) {
  const first = Float64Array.from({ length: identities + 1 }, (_, n) => n * images);
  const pairs = choosePairs(first, 0);
  const random = createRandom('distances');
  const hard = Array.from({ length: identities }, () => random.below(1000) / 1000);
  const distances = Float64Array.from(pairs.left, (a, i) => {
    const spread = random.below(1000) / 1000;
    return pairs.genuine[i] === 1 ? spread + (hard[Math.floor(a / images)] as number) : 1 + spread;
  });
  return { first, pairs, scores: scorePairs(distances, pairs.genuine) };
}

describe('bootstrapIntervals', () => {
  it('encloses the measured rate and is the same for the same seed', async () => {
    const { first, pairs, scores } = draw(20, 5);
    const intervals = await bootstrapIntervals(scores, pairs, first, { seed: 3, signal });
    const eer = equalErrorRate(rocCurve(scores) as Roc);
    expect(intervals?.eer[0]).toBeLessThan(eer);
    expect(intervals?.eer[1]).toBeGreaterThan(eer);
    expect(await bootstrapIntervals(scores, pairs, first, { seed: 3, signal })).toEqual(intervals);
    expect(await bootstrapIntervals(scores, pairs, first, { seed: 4, signal })).not.toEqual(intervals);
  });

  it('narrows with more identities, not with more images of each', async () => {
    const width = async (identities: number, images: number) => {
      const { first, pairs, scores } = draw(identities, images);
      const [low, high] = (await bootstrapIntervals(scores, pairs, first, { seed: 0, signal }))?.eer ?? [
        0, 1,
      ];
      return high - low;
    };
    const few = await width(12, 4);
    expect(await width(200, 4)).toBeLessThan(few / 2);
    expect(await width(12, 20)).toBeGreaterThan(few / 2);
  });

  it('is undefined with three people, of whom a ninth of the draws takes one only', async () => {
    const intervals = (identities: number) => {
      const { first, pairs, scores } = draw(identities, 10);
      return bootstrapIntervals(scores, pairs, first, { seed: 1, signal });
    };
    expect(await intervals(3)).toBeUndefined();
    expect(await intervals(4)).toBeDefined();
  });
});
