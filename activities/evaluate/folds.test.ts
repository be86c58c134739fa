import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanAndStd, tenFolds } from './folds.ts';

/** The protocol as its definition reads: every threshold, every fold, every pair. */
function plainTenFolds(distances: number[], genuine: number[]) {
  const fold = distances.map((_, i) => {
    const sizes = Array.from(
      { length: 10 },
      (_, f) => Math.floor(distances.length / 10) + (f < distances.length % 10 ? 1 : 0),
    );
    let f = 0;
    for (let end = sizes[0] as number; i >= end; end += sizes[f] as number) f++;
    return f;
  });
  const accuracy = (threshold: number, member: (f: number) => boolean) => {
    const pairs = distances
      .map((distance, i) => ({ distance, i }))
      .filter(({ i }) => member(fold[i] as number));
    return (
      pairs.filter(({ distance, i }) => distance < threshold === (genuine[i] === 1)).length / pairs.length
    );
  };
  return Array.from({ length: 10 }, (_, f) => {
    let best = { threshold: Number.NaN, accuracy: -1 };
    for (let i = 0; i < 400; i++) {
      const elsewhere = accuracy(i * 0.01, (other) => other !== f);
      if (elsewhere > best.accuracy) best = { threshold: i * 0.01, accuracy: elsewhere };
    }
    return { accuracy: accuracy(best.threshold, (other) => other === f), threshold: best.threshold };
  });
}

describe('tenFolds', () => {
  it('agrees with the plain definition, on and between the thresholds', () => {
    const distance = fc.oneof(
      fc.nat(399).map((i) => i * 0.01),
      fc.nat(399).map((i) => i / 100),
      fc.double({ min: 0, max: 4, noNaN: true }),
    );
    const pairs = fc.array(fc.tuple(distance, fc.constantFrom(0, 1)), { minLength: 10, maxLength: 60 });
    fc.assert(
      fc.property(pairs, (list) => {
        const distances = list.map(([value]) => value);
        const genuine = list.map(([, one]) => one);
        expect(tenFolds(Float64Array.from(distances), Uint8Array.from(genuine))).toEqual(
          plainTenFolds(distances, genuine),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('takes the first of several best thresholds, and counts a pair at the threshold as impostor', () => {
    // Genuine at 1.13, impostor at 3: the first double above 1.13 among i * 0.01 is 113 * 0.01 itself.
    const distances = Float64Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 1.13 : 3));
    const genuine = Uint8Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 1 : 0));
    expect(113 * 0.01).toBeGreaterThan(1.13);
    for (const fold of tenFolds(distances, genuine))
      expect(fold).toEqual({ accuracy: 1, threshold: 113 * 0.01 });

    const onThreshold = distances.map((distance) => (distance === 1.13 ? 113 * 0.01 : distance));
    for (const fold of tenFolds(onThreshold, genuine))
      expect(fold).toEqual({ accuracy: 1, threshold: 114 * 0.01 });
  });

  it('chooses the threshold on the other nine folds', () => {
    // Fold 0 alone has its genuine pairs farther away than the threshold that the others choose.
    const distances = Float64Array.from({ length: 40 }, (_, i) => (i % 2 === 1 ? 3 : i < 4 ? 2 : 0.995));
    const genuine = Uint8Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 1 : 0));
    const [first, ...others] = tenFolds(distances, genuine);
    expect(first).toEqual({ accuracy: 0.5, threshold: 1 });
    for (const fold of others) expect(fold).toEqual({ accuracy: 1, threshold: 201 * 0.01 });
  });
});

describe('meanAndStd', () => {
  it('uses the population standard deviation', () => {
    expect(meanAndStd([1, 2, 3, 4])).toEqual({ mean: 2.5, std: Math.sqrt(1.25) });
    expect(meanAndStd([0.5])).toEqual({ mean: 0.5, std: 0 });
  });
});
