import { setImmediate } from 'node:timers/promises';
import { blockOf, type Pairs } from './pairs.ts';
import { createRandom } from './random.ts';
import { equalErrorRate, rocCurve, type Scores, tarAtFar } from './roc.ts';

/** Bounds of the 95 % confidence interval. */
export type Interval = [low: number, high: number];

const rounds = 200;

/**
 * Confidence intervals by bootstrap over identities: pairs of one person are not independent, so whole people
 * are drawn with repeats, and a pair counts as often as both of its people were drawn. Undefined if more
 * than a tenth of the draws lack genuine or impostor pairs, as with three people.
 */
export async function bootstrapIntervals(
  { genuine, distances, order }: Scores,
  { left, right }: Pairs,
  first: Float64Array,
  { seed, signal }: { seed: number; signal: AbortSignal },
): Promise<{ eer: Interval; tarAtFar1e2: Interval } | undefined> {
  const identities = first.length - 1;
  const identityOf = (instance: number | undefined) => blockOf(first, instance as number);
  const leftIdentity = Uint32Array.from(order, (pair) => identityOf(left[pair]));
  const rightIdentity = Uint32Array.from(order, (pair) => identityOf(right[pair]));

  const random = createRandom(`f2c bootstrap ${seed}`);
  const drawn = new Uint32Array(identities);
  const weights = new Float64Array(order.length);
  const eers: number[] = [];
  const tars: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // Lets the worker send its heartbeats in between.
    await setImmediate(undefined, { signal });
    drawn.fill(0);
    for (let i = 0; i < identities; i++) {
      const identity = random.below(identities);
      drawn[identity] = (drawn[identity] as number) + 1;
    }
    for (let i = 0; i < weights.length; i++) {
      const times = drawn[leftIdentity[i] as number] as number;
      weights[i] = genuine[i] === 1 ? times : times * (drawn[rightIdentity[i] as number] as number);
    }
    const roc = rocCurve({ genuine, distances, order }, weights);
    if (roc === undefined) continue;
    eers.push(equalErrorRate(roc));
    tars.push(tarAtFar(roc, 1e-2));
  }
  if (eers.length < 0.9 * rounds) return undefined;
  return { eer: middle95(eers), tarAtFar1e2: middle95(tars) };
}

function middle95(values: number[]): Interval {
  values.sort((a, b) => a - b);
  const at = (share: number) => values[Math.round(share * (values.length - 1))] as number;
  return [at(0.025), at(0.975)];
}
