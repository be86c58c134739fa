import { createHash } from 'node:crypto';
import { F2cError } from '../../errors/failure.ts';
import type { StepContext } from '../step.ts';
import type { Embedder } from './embedders.ts';
import { decodeImage } from './images.ts';
import type { Part } from './instances.ts';
import type { VectorFile } from './vectors.ts';

/** Images a batch: enough for every core; more would not be faster, and hold up heartbeats for longer. */
const batchSize = 16;

/**
 * Embeds every instance of a part, appends the vectors of length 1 to `vectors`, and returns the SHA-256 of
 * the images and of which of them belong together. The next batch is decoded while one is embedded.
 */
export async function embedPart(
  part: Part,
  embedder: Embedder,
  vectors: VectorFile,
  step: Pick<StepContext, 'signal' | 'progress'>,
): Promise<string> {
  const hash = createHash('sha256').update(part.first);
  const load = async (begin: number): Promise<Uint8Array[]> => {
    const jpegs = await part.jpegs(begin, Math.min(begin + batchSize, part.instances));
    for (const jpeg of jpegs) hash.update(`${jpeg.length} `).update(jpeg);
    return await Promise.all(jpegs.map((jpeg, i) => decodeImage(jpeg, part.imageSize, begin + i)));
  };

  let next = load(0);
  for (let begin = 0; begin < part.instances; begin += batchSize) {
    step.signal.throwIfAborted();
    const images = await next;
    next = load(Math.min(begin + batchSize, part.instances));
    // If embedding fails first, nobody waits for this batch any more.
    next.catch(() => undefined);
    const batch = await embedder.embed(images);
    for (let i = 0; i < images.length; i++) {
      normalise(batch.subarray(i * embedder.length, (i + 1) * embedder.length), begin + i);
    }
    vectors.append(batch);
    step.progress({ done: begin + images.length, total: part.instances, unit: 'images' });
  }
  return hash.digest('hex');
}

/** Scales a vector to length 1 in place; an all-zero vector stays as it is. */
function normalise(vector: Float64Array, instance: number): void {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  if (!Number.isFinite(norm)) {
    throw new F2cError('F2C_DATA_CORRUPT', {
      what: `The model gives numbers that are not finite for instance ${instance} of the test part`,
      where: 'evaluate',
      fix: 'Train again with a lower learning rate',
    });
  }
  if (norm === 0) return;
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / norm;
}
