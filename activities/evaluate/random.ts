import { createHash } from 'node:crypto';

export interface Random {
  /** An integer from 0 to `bound` - 1, each equally likely; `bound` may be up to 2^53. */
  below(bound: number): number;
}

const twoTo32 = 2 ** 32;
const twoTo53 = 2 ** 53;

/**
 * The generator sfc32 (Chris Doty-Humphrey's Small Fast Counting generator: 128 bits of state, period of at
 * least 2^32), started from the SHA-256 of `seed`: the same text gives the same numbers on every machine.
 */
export function createRandom(seed: string): Random {
  const hash = createHash('sha256').update(seed).digest();
  let a = hash.readInt32LE(0);
  let b = hash.readInt32LE(4);
  let c = hash.readInt32LE(8);
  let counter = 1;

  const bits32 = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  for (let i = 0; i < 12; i++) bits32();

  return {
    below(bound) {
      // Numbers of the last, incomplete round of `bound` are drawn again: a plain remainder would favour
      // small results.
      const limit = twoTo53 - (twoTo53 % bound);
      for (;;) {
        const bits53 = (bits32() >>> 11) * twoTo32 + bits32();
        if (bits53 < limit) return bits53 % bound;
      }
    },
  };
}

/** `count` distinct integers from 0 to `total` - 1, every set equally likely, in ascending order. */
export function sampleDistinct(random: Random, total: number, count: number): Float64Array {
  if (count === total) return Float64Array.from({ length: total }, (_, i) => i);
  // Floyd's algorithm: one draw for each number, however large `total` is.
  const chosen = new Set<number>();
  for (let last = total - count; last < total; last++) {
    const draw = random.below(last + 1);
    chosen.add(chosen.has(draw) ? last : draw);
  }
  return Float64Array.from(chosen).sort();
}

/** Brings the numbers into a random order, in place; every order is equally likely. */
export function shuffle(random: Random, numbers: Float64Array): Float64Array {
  for (let i = numbers.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const held = numbers[i] as number;
    numbers[i] = numbers[j] as number;
    numbers[j] = held;
  }
  return numbers;
}
