import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnder, equalErrorRate, type Roc, rocCurve, scorePairs, tarAtFar, thinRoc } from './roc.ts';

function curve(genuine: number[], impostor: number[], weights?: number[]): Roc {
  const distances = Float64Array.from([...genuine, ...impostor]);
  const labels = Uint8Array.from([...genuine.map(() => 1), ...impostor.map(() => 0)]);
  const roc = rocCurve(scorePairs(distances, labels), weights && Float64Array.from(weights));
  if (roc === undefined) throw new Error('no curve');
  return roc;
}

/** Few distinct distances, so that ties are common. */
const list = fc.array(
  fc.nat(12).map((n) => n / 4),
  { minLength: 1, maxLength: 30 },
);

describe('rocCurve', () => {
  it('has one vertex a distinct distance and keeps ties together', () => {
    const { far, tar } = curve([1, 1, 2], [1, 3]);
    expect([...far]).toEqual([0, 0.5, 0.5, 1]);
    expect([...tar]).toEqual([0, 2 / 3, 1, 1]);
  });

  it('counts a pair with weight k like k pairs, and needs weight on both sides', () => {
    expect(curve([1, 2], [2, 3], [3, 1, 2, 0])).toEqual(
      // The pair at 3 has no weight and leaves a vertex that repeats the one before.
      { far: Float64Array.of(0, 0, 1, 1), tar: Float64Array.of(0, 0.75, 1, 1) },
    );
    const scores = scorePairs(Float64Array.of(1, 2), Uint8Array.of(1, 0));
    expect(rocCurve(scores, Float64Array.of(1, 0))).toBeUndefined();
    expect(rocCurve(scores, Float64Array.of(0, 1))).toBeUndefined();
  });
});

describe('areaUnder', () => {
  it('is the share of genuine-impostor couples in the right order, ties counting half', () => {
    fc.assert(
      fc.property(list, list, (genuine, impostor) => {
        let right = 0;
        for (const g of genuine) for (const i of impostor) right += g < i ? 1 : g === i ? 0.5 : 0;
        expect(areaUnder(curve(genuine, impostor))).toBeCloseTo(
          right / (genuine.length * impostor.length),
          12,
        );
      }),
    );
  });
});

describe('tarAtFar', () => {
  it('is the largest share of genuine pairs at any threshold that keeps to the limit', () => {
    fc.assert(
      fc.property(list, list, fc.constantFrom(0, 0.1, 0.25, 0.5, 1), (genuine, impostor, limit) => {
        const shares = [-1, ...genuine, ...impostor].map((threshold) => ({
          far: impostor.filter((distance) => distance <= threshold).length / impostor.length,
          tar: genuine.filter((distance) => distance <= threshold).length / genuine.length,
        }));
        const best = Math.max(...shares.filter(({ far }) => far <= limit).map(({ tar }) => tar));
        expect(tarAtFar(curve(genuine, impostor), limit)).toBe(best);
      }),
    );
  });

  it('accepts exactly 1 impostor in 100 at FAR 1e-2', () => {
    const impostor = Array.from({ length: 100 }, (_, i) => 2 * i + 1);
    expect(tarAtFar(curve([0, 2, 4, 6], impostor), 1e-2)).toBe(0.5);
  });
});

describe('equalErrorRate', () => {
  it('is 0 for separated, 1 for reversed and 1/2 for tied distances', () => {
    expect(equalErrorRate(curve([1, 2], [3, 4]))).toBe(0);
    expect(equalErrorRate(curve([3, 4], [1, 2]))).toBe(1);
    expect(equalErrorRate(curve([1, 1], [1, 1]))).toBe(0.5);
  });

  it('lies where both errors meet', () => {
    expect(equalErrorRate(curve([1, 2, 3, 9], [4, 5, 6, 0]))).toBe(0.25);
    expect(equalErrorRate(curve([1, 2, 8], [2, 9, 10, 11]))).toBe(0.25);
    // Between (0, 1/3) and (1/2, 1), on the straight line that a tie makes.
    expect(equalErrorRate(curve([1, 2, 2], [2, 3]))).toBeCloseTo(2 / 7, 12);
  });

  it('does not change when the sorts swap roles and distances their sign', () => {
    fc.assert(
      fc.property(list, list, (genuine, impostor) => {
        const swapped = curve(
          impostor.map((d) => -d),
          genuine.map((d) => -d),
        );
        expect(equalErrorRate(swapped)).toBeCloseTo(equalErrorRate(curve(genuine, impostor)), 12);
      }),
    );
  });
});

describe('thinRoc', () => {
  it('keeps every upper corner of a small curve', () => {
    expect(thinRoc(curve([1, 2, 2.5], [3, 1.5]))).toEqual([
      [0, 1 / 3],
      [0.5, 1],
      [1, 1],
    ]);
  });

  it('keeps the ends and a logarithmic grid of a large one', () => {
    const genuine = Array.from({ length: 5000 }, (_, i) => i);
    const impostor = Array.from({ length: 5000 }, (_, i) => i + 1000.5);
    const points = thinRoc(curve(genuine, impostor), 100);
    expect(points.length).toBeLessThanOrEqual(100);
    expect(points[0]).toEqual([0, 1001 / 5000]);
    expect(points[1]).toEqual([1 / 5000, 1002 / 5000]);
    expect(points.at(-1)).toEqual([1, 1]);
    const fars = points.map(([far]) => far);
    expect(fars).toEqual([...fars].sort((a, b) => a - b));
    expect(fars.filter((far) => far <= 0.01).length).toBeGreaterThan(25);
  });
});
