import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockOf, choosePairs } from './pairs.ts';

/** first[] of identities with so many instances each. */
function firsts(...counts: number[]): Float64Array {
  const first = [0];
  for (const count of counts) first.push((first.at(-1) as number) + count);
  return Float64Array.from(first);
}

function listed({ left, right, genuine }: ReturnType<typeof choosePairs>) {
  return Array.from(left, (a, i) => ({ a, b: right[i] as number, genuine: genuine[i] === 1 }));
}

describe('choosePairs', () => {
  it('takes all genuine pairs and as many impostor pairs of ten people with ten images', () => {
    const pairs = choosePairs(firsts(...new Array<number>(10).fill(10)), 0);
    expect(pairs.left).toHaveLength(900);
    expect(pairs.genuineInAll).toBe(450);
    expect(pairs.genuine.reduce((sum, one) => sum + one, 0)).toBe(450);
  });

  it('chooses the same pairs for the same seed and others for another', () => {
    const first = firsts(4, 5, 6);
    expect(choosePairs(first, 7)).toEqual(choosePairs(first, 7));
    expect(choosePairs(first, 7).left).not.toEqual(choosePairs(first, 8).left);
  });

  it('gives distinct pairs, rightly told genuine or impostor, balanced in ten contiguous folds', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 4, maxLength: 12 });
    fc.assert(
      fc.property(counts, fc.nat(), (perIdentity, seed) => {
        const first = firsts(4, ...perIdentity);
        const pairs = listed(choosePairs(first, seed));
        for (const { a, b, genuine } of pairs) {
          expect(a).toBeLessThan(b);
          expect(blockOf(first, a) === blockOf(first, b)).toBe(genuine);
        }
        expect(new Set(pairs.map(({ a, b }) => `${a} ${b}`)).size).toBe(pairs.length);
        for (let fold = 0; fold < 10; fold++) {
          const members = pairs.slice(
            Math.ceil((fold * pairs.length) / 10),
            Math.ceil(((fold + 1) * pairs.length) / 10),
          );
          const balance = members.filter(({ genuine }) => genuine).length - members.length / 2;
          expect(Math.abs(balance)).toBeLessThanOrEqual(0.5);
        }
      }),
    );
  });

  it('can choose every pair there is', () => {
    const first = firsts(3, 2, 2);
    const seen = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      for (const { a, b } of listed(choosePairs(first, seed))) seen.add(`${a} ${b}`);
    }
    expect(seen.size).toBe((7 * 6) / 2);
  });

  it('draws impostor pairs evenly over pairs, not over identities', () => {
    const first = firsts(6, 1, 1, 1);
    let withLarge = 0;
    let all = 0;
    for (let seed = 0; seed < 500; seed++) {
      for (const { a, genuine } of listed(choosePairs(first, seed))) {
        if (genuine) continue;
        all++;
        if (a < 6) withLarge++;
      }
    }
    expect(withLarge / all).toBeCloseTo(18 / 21, 1);
  });

  it('samples both sorts above the limit and says how many genuine pairs there are', () => {
    const pairs = choosePairs(firsts(100, 100), 0, 50);
    expect(pairs.left).toHaveLength(100);
    expect(pairs.genuineInAll).toBe(9900);
    expect(listed(pairs).filter(({ genuine }) => genuine)).toHaveLength(50);
  });

  it('takes only as many genuine pairs as there are impostor pairs', () => {
    const pairs = choosePairs(firsts(12, 1), 0);
    expect(listed(pairs).filter(({ genuine }) => genuine)).toHaveLength(12);
  });

  it('refuses a part that makes no ten pairs', () => {
    const message = (...counts: number[]) => {
      try {
        choosePairs(firsts(...counts), 0);
        return 'none';
      } catch (error) {
        return `${(error as { code: string }).code}: ${(error as Error).message}`;
      }
    };
    const fix =
      'Give the `index` step a larger `test` part, or a dataset with several images of each identity.';
    expect(message()).toBe(
      `F2C_TOO_FEW_IDENTITIES: The test part has 0 identities with 0 instances: that makes 0 genuine and as many impostor pairs, and ten folds need 10 pairs (evaluate). ${fix}`,
    );
    expect(message(1, 1, 1, 1)).toContain(
      'The test part has 4 identities with 4 instances: that makes 0 genuine',
    );
    expect(message(50)).toContain('The test part has 1 identities with 50 instances: that makes 0 genuine');
    expect(message(2, 2)).toContain('that makes 2 genuine');
    expect(message(2, 2, 2, 2, 2)).toBe('none');
  });
});
