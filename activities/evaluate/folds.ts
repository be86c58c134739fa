/** Thresholds that the protocol tries, on squared distances of unit vectors: 0, 0.01, ... 3.99. */
const thresholds = Float64Array.from({ length: 400 }, (_, i) => i * 0.01);
const foldCount = 10;

export interface Fold {
  accuracy: number;
  /** The threshold that was best on the other nine folds; a pair counts as genuine below it. */
  threshold: number;
}

/**
 * The ten-fold verification protocol of LFW as InsightFace computes it: contiguous folds of the pairs in their
 * order, in each fold the first threshold of highest accuracy on the other nine, and genuine only if the
 * squared distance is strictly below it.
 */
export function tenFolds(distances: Float64Array, genuine: Uint8Array): Fold[] {
  const correct = correctPerThreshold(distances, genuine);
  const all = new Float64Array(thresholds.length);
  for (const fold of correct)
    fold.counts.forEach((count, i) => {
      all[i] = (all[i] as number) + count;
    });
  return correct.map(({ counts, size }) => {
    let best = 0;
    let bestCount = -1;
    for (let i = 0; i < thresholds.length; i++) {
      const elsewhere = (all[i] as number) - (counts[i] as number);
      if (elsewhere > bestCount) [best, bestCount] = [i, elsewhere];
    }
    return { accuracy: (counts[best] as number) / size, threshold: thresholds[best] as number };
  });
}

/** Mean and population standard deviation. */
export function meanAndStd(values: number[]): { mean: number; std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance) };
}

/** For each fold its size and, for each threshold, how many of its pairs are told right. */
function correctPerThreshold(distances: Float64Array, genuine: Uint8Array) {
  const folds: { counts: Float64Array; size: number }[] = [];
  let begin = 0;
  for (let f = 0; f < foldCount; f++) {
    const size = Math.floor(distances.length / foldCount) + (f < distances.length % foldCount ? 1 : 0);
    const counts = new Float64Array(thresholds.length);
    let impostors = 0;
    for (let i = begin; i < begin + size; i++) {
      // From this threshold on the pair is accepted: right for a genuine pair, wrong for an impostor pair.
      const accepted = firstAbove(distances[i] as number);
      const step = genuine[i] === 1 ? 1 : -1;
      if (accepted < thresholds.length) counts[accepted] = (counts[accepted] as number) + step;
      if (step === -1) impostors++;
    }
    let running = impostors;
    for (let i = 0; i < thresholds.length; i++) {
      running += counts[i] as number;
      counts[i] = running;
    }
    folds.push({ counts, size });
    begin += size;
  }
  return folds;
}

/** Index of the first threshold strictly above the distance. */
function firstAbove(distance: number): number {
  let low = 0;
  let high = thresholds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((thresholds[middle] as number) > distance) high = middle;
    else low = middle + 1;
  }
  return low;
}
