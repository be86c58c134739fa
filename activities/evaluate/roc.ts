/** Pairs by rising distance. */
export interface Scores {
  /** Squared, ascending. */
  distances: Float64Array;
  genuine: Uint8Array;
  /** Which pair each of them is. */
  order: Uint32Array;
}

export function scorePairs(distances: Float64Array, genuine: Uint8Array): Scores {
  const order = Uint32Array.from(distances.keys());
  order.sort((a, b) => (distances[a] as number) - (distances[b] as number));
  return {
    distances: Float64Array.from(order, (pair) => distances[pair] as number),
    genuine: Uint8Array.from(order, (pair) => genuine[pair] as number),
    order,
  };
}

/**
 * Share of impostor pairs (`far`) and of genuine pairs (`tar`) that are accepted, for every threshold that
 * makes a difference: from (0, 0) to (1, 1), both never falling.
 */
export interface Roc {
  far: Float64Array;
  tar: Float64Array;
}

/**
 * `weights`, in the order of the scores, count each pair that many times; undefined if no genuine or no
 * impostor pair has any weight.
 */
export function rocCurve({ distances, genuine }: Scores, weights?: Float64Array): Roc | undefined {
  const far = new Float64Array(distances.length + 1);
  const tar = new Float64Array(distances.length + 1);
  let vertices = 1;
  let accepted = 0;
  let falselyAccepted = 0;
  for (let i = 0; i < distances.length; i++) {
    const weight = weights === undefined ? 1 : (weights[i] as number);
    if (genuine[i] === 1) accepted += weight;
    else falselyAccepted += weight;
    // Pairs at the same distance are accepted together: no threshold tells them apart.
    if (i + 1 < distances.length && distances[i + 1] === distances[i]) continue;
    far[vertices] = falselyAccepted;
    tar[vertices] = accepted;
    vertices++;
  }
  if (accepted === 0 || falselyAccepted === 0) return undefined;
  for (let i = 0; i < vertices; i++) {
    far[i] = (far[i] as number) / falselyAccepted;
    tar[i] = (tar[i] as number) / accepted;
  }
  return { far: far.subarray(0, vertices), tar: tar.subarray(0, vertices) };
}

/** Where false acceptance and false rejection are equally likely, on straight lines between the vertices. */
export function equalErrorRate({ far, tar }: Roc): number {
  const crossing = far.findIndex((value, i) => value >= 1 - (tar[i] as number));
  const before = crossing - 1;
  const gapBefore = 1 - (tar[before] as number) - (far[before] as number);
  const gapAfter = (far[crossing] as number) - (1 - (tar[crossing] as number));
  const share = gapBefore / (gapBefore + gapAfter);
  return (far[before] as number) + share * ((far[crossing] as number) - (far[before] as number));
}

/** Area under the curve: how likely a genuine pair is closer than an impostor pair, ties counting half. */
export function areaUnder({ far, tar }: Roc): number {
  let area = 0;
  for (let i = 1; i < far.length; i++) {
    const width = (far[i] as number) - (far[i - 1] as number);
    area += (width * ((tar[i] as number) + (tar[i - 1] as number))) / 2;
  }
  return area;
}

/** The strict definition: the largest share of genuine pairs accepted with a false acceptance rate of at most `limit`. */
export function tarAtFar({ far, tar }: Roc, limit: number): number {
  let low = 0;
  let high = far.length;
  while (low + 1 < high) {
    const middle = (low + high) >>> 1;
    if ((far[middle] as number) <= limit) low = middle;
    else high = middle;
  }
  return tar[low] as number;
}

/**
 * The upper corners of the curve as [far, tar], for reports and plots: all of them if there are at most
 * `limit`, else those nearest below a logarithmic grid of false acceptance rates.
 */
export function thinRoc({ far, tar }: Roc, limit = 400): [number, number][] {
  const corners: [number, number][] = [];
  for (let i = 0; i < far.length; i++) {
    if (i + 1 === far.length || far[i + 1] !== far[i]) corners.push([far[i] as number, tar[i] as number]);
  }
  if (corners.length <= limit) return corners;
  const smallest = corners[1]?.[0] as number;
  const kept = new Set<[number, number]>([corners[0] as [number, number]]);
  for (let i = 0, corner = 1; i < limit - 1; i++) {
    const wanted = i === limit - 2 ? 1 : smallest ** (1 - i / (limit - 2));
    while (corner + 1 < corners.length && (corners[corner + 1] as [number, number])[0] <= wanted) corner++;
    kept.add(corners[corner] as [number, number]);
  }
  return [...kept];
}
