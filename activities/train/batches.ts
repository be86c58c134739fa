/** What a step shows, as `trainer/f2c_trainer/order.py` and `batch_norm.py` have it. */
interface Batch {
  identitiesPerStep: number;
  instancesPerStep: number;
}

const written = '`identitiesPerStep` + `instancesPerStep` / 2';

/** Each identity and every second instance, in the pass that writes the pool. */
function imagesOfPass({ identitiesPerStep, instancesPerStep }: Batch): number {
  return identitiesPerStep + instancesPerStep / 2;
}

/** What is wrong with a pool of so many slots whatever the data are; one may be smaller than a pass of few people. */
export function faultOfPool(poolSize: number, batch: Batch): string | undefined {
  if (poolSize >= batch.identitiesPerStep) return undefined;
  return `must be at least ${imagesOfPass(batch)}, the identities of one pass (${written})`;
}

/** What is wrong with a number of parts, be they processes or groups of batch norm, that share a pass evenly. */
export function faultOfParts(parts: number, batch: Batch): string | undefined {
  const images = imagesOfPass(batch);
  const fitting = divisorsOf(images).filter((count) => count < images || images === 1);
  if (fitting.includes(parts)) return undefined;
  return `must divide the ${images} images of a pass (${written}), two for each at least: ${oneOf(fitting)}`;
}

/** What is wrong with a number of processes that is more than one. */
export function faultOfProcesses(
  processes: number,
  { bnGroups, ...batch }: Batch & { bnGroups?: number | undefined },
): string | undefined {
  if (processes === 1) return undefined;
  const fault = faultOfParts(processes, batch);
  if (fault !== undefined || bnGroups === undefined || bnGroups % processes === 0) return fault;
  return `must divide \`bnGroups\`, ${bnGroups}: ${oneOf(divisorsOf(bnGroups))}`;
}

function divisorsOf(number: number): number[] {
  return Array.from({ length: number }, (_, i) => i + 1).filter((count) => number % count === 0);
}

function oneOf(numbers: number[]): string {
  const last = numbers.at(-1);
  return numbers.length === 1 ? `${last}` : `${numbers.slice(0, -1).join(', ')} or ${last}`;
}
