import { F2cError } from '../../errors/failure.ts';
import { createRandom, sampleDistinct, shuffle } from './random.ts';

/** Instances are numbered 0.. in the order of the index, where those of one identity are neighbours. */
export interface Pairs {
  left: Uint32Array;
  right: Uint32Array;
  /** 1 for two instances of one identity, 0 for instances of two. */
  genuine: Uint8Array;
  /** Every genuine pair there is; the pairs hold fewer if there are more than `limit`, or too few impostors. */
  genuineInAll: number;
}

/** As many genuine and as many impostor pairs at most: more would cost hours and tell nothing new. */
const largestHalf = 1_000_000;

/**
 * The pairs of a test part: every genuine pair and as many impostor pairs, drawn at random without repeats.
 * Genuine and impostor pairs alternate, each in random order, so that ten contiguous folds are balanced.
 * `first` has one more entry than there are identities: those of identity n are first[n] .. first[n + 1] - 1.
 */
export function choosePairs(first: Float64Array, seed: number, limit = largestHalf): Pairs {
  const genuine = genuineBlocks(first);
  const impostor = impostorBlocks(first);
  const half = Math.min(genuine.total, impostor.total, limit);
  checkEnough(first, half);

  const random = createRandom(`f2c pairs ${seed}`);
  const draw = (total: number) => shuffle(random, sampleDistinct(random, total, half));
  const genuineRanks = draw(genuine.total);
  const impostorRanks = draw(impostor.total);

  const pairs: Pairs = {
    left: new Uint32Array(2 * half),
    right: new Uint32Array(2 * half),
    genuine: new Uint8Array(2 * half),
    genuineInAll: genuine.total,
  };
  for (let i = 0; i < half; i++) {
    [pairs.left[2 * i], pairs.right[2 * i]] = genuine.pair(genuineRanks[i] as number);
    pairs.genuine[2 * i] = 1;
    [pairs.left[2 * i + 1], pairs.right[2 * i + 1]] = impostor.pair(impostorRanks[i] as number);
  }
  return pairs;
}

/** All pairs of one sort, numbered 0 .. total - 1, so that drawing pairs is drawing numbers. */
interface PairBlocks {
  total: number;
  pair(rank: number): [number, number];
}

function genuineBlocks(first: Float64Array): PairBlocks {
  const starts = blockStarts(first, (begin, end) => ((end - begin) * (end - begin - 1)) / 2);
  return {
    total: starts.at(-1) ?? 0,
    pair(rank) {
      const block = blockOf(starts, rank);
      const k = rank - (starts[block] as number);
      // The pairs (0, 1), (0, 2), (1, 2), (0, 3) ... : the larger member is the triangular root of k.
      let larger = Math.floor((1 + Math.sqrt(1 + 8 * k)) / 2);
      if ((larger * (larger - 1)) / 2 > k) larger--;
      const begin = first[block] as number;
      return [begin + k - (larger * (larger - 1)) / 2, begin + larger];
    },
  };
}

function impostorBlocks(first: Float64Array): PairBlocks {
  const instances = first.at(-1) ?? 0;
  const starts = blockStarts(first, (begin, end) => (end - begin) * (instances - end));
  return {
    total: starts.at(-1) ?? 0,
    pair(rank) {
      const block = blockOf(starts, rank);
      const k = rank - (starts[block] as number);
      const end = first[block + 1] as number;
      const others = instances - end;
      return [(first[block] as number) + Math.floor(k / others), end + (k % others)];
    },
  };
}

function blockStarts(first: Float64Array, size: (begin: number, end: number) => number): Float64Array {
  const starts = new Float64Array(first.length);
  for (let n = 0; n + 1 < first.length; n++) {
    starts[n + 1] = (starts[n] as number) + size(first[n] as number, first[n + 1] as number);
  }
  return starts;
}

/** The n with starts[n] <= rank < starts[n + 1]; also tells an instance's identity, given `first`. */
export function blockOf(starts: Float64Array, rank: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low + 1 < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as number) <= rank) low = middle;
    else high = middle;
  }
  return low;
}

function checkEnough(first: Float64Array, half: number): void {
  if (2 * half >= 10) return;
  const identities = first.length - 1;
  throw new F2cError('F2C_TOO_FEW_IDENTITIES', {
    what: `The test part has ${identities} identities with ${first.at(-1) ?? 0} instances: that makes ${half} genuine and as many impostor pairs, and ten folds need 10 pairs`,
    where: 'evaluate',
    fix: 'Give the `index` step a larger `test` part, or a dataset with several images of each identity',
  });
}
