import { z } from 'zod';
import { type Fold, meanAndStd, tenFolds } from './folds.ts';
import { bootstrapIntervals } from './interval.ts';
import type { Pairs } from './pairs.ts';
import { areaUnder, equalErrorRate, type Roc, rocCurve, scorePairs, tarAtFar, thinRoc } from './roc.ts';

const share = z.number().min(0).max(1);
const interval = z.tuple([share, share]);

/** `report.json` of an evaluation. Distances are squared Euclidean distances of vectors of length 1, 0 to 4. */
export const verificationReport = z.object({
  reportVersion: z.literal(1),
  label: z.string(),
  embedding: z.enum(['model', 'pixels']),
  /** SHA-256 of what was measured on: images, who is on them, and pairs. Equal: the numbers can be compared. */
  benchmark: z.string(),
  seed: z.int(),
  imageSize: z.int(),
  identities: z.int(),
  instances: z.int(),
  pairs: z.object({ genuine: z.int(), impostor: z.int(), genuineInAll: z.int() }),
  /** Over the ten folds: mean and population standard deviation. */
  accuracy: z.object({ mean: share, std: z.number() }),
  /** Mean of the folds' thresholds. */
  threshold: z.number(),
  folds: z.array(z.object({ accuracy: share, threshold: z.number() })),
  eer: share,
  auc: share,
  tarAtFar1e2: share,
  /** Largest share of genuine pairs accepted at a false acceptance rate of at most `far`. */
  tarAtFar: z.array(z.object({ far: share, tar: share })),
  /** 95 % intervals by bootstrap over identities; null if there are too few identities. */
  intervals: z.object({ eer: interval, tarAtFar1e2: interval }).nullable(),
  /** [false acceptance rate, true acceptance rate], thinned. */
  roc: z.array(z.tuple([share, share])),
});
export type VerificationReport = z.output<typeof verificationReport>;

/** A rate measured on fewer false acceptances than this is chance. */
const fewestFalseAcceptances = 4;
const rates = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5];

export async function verify(
  distances: Float64Array,
  pairs: Pairs,
  about: { first: Float64Array } & Pick<
    VerificationReport,
    'label' | 'embedding' | 'benchmark' | 'seed' | 'imageSize'
  >,
  signal: AbortSignal,
): Promise<VerificationReport> {
  const { first, ...origin } = about;
  const scores = scorePairs(distances, pairs.genuine);
  const roc = rocCurve(scores) as Roc;
  const folds: Fold[] = tenFolds(distances, pairs.genuine);
  const half = distances.length / 2;
  return {
    reportVersion: 1,
    ...origin,
    identities: first.length - 1,
    instances: first.at(-1) as number,
    pairs: { genuine: half, impostor: half, genuineInAll: pairs.genuineInAll },
    accuracy: meanAndStd(folds.map((fold) => fold.accuracy)),
    threshold: meanAndStd(folds.map((fold) => fold.threshold)).mean,
    folds,
    eer: equalErrorRate(roc),
    auc: areaUnder(roc),
    tarAtFar1e2: tarAtFar(roc, 1e-2),
    tarAtFar: rates
      .filter((far) => half * far >= fewestFalseAcceptances)
      .map((far) => ({ far, tar: tarAtFar(roc, far) })),
    intervals: (await bootstrapIntervals(scores, pairs, first, { seed: origin.seed, signal })) ?? null,
    roc: thinRoc(roc),
  };
}
