import type { ModelFacts, OnnxModel } from '../export/model.ts';
import { decodeImage } from './images.ts';
import type { Part } from './instances.ts';

/** Turns images into vectors to compare, not yet of length 1. */
export interface Embedder {
  /** Numbers in a vector. */
  readonly length: number;
  /** Images of [size, size, 3] bytes; gives [images, length], each the sum over an image and its mirror image. */
  embed(images: Uint8Array[]): Promise<Float64Array>;
}

/** Embeddings of an exported model, image and mirror image in one batch, added in double precision. */
export function modelEmbedder(model: OnnxModel, input: ModelFacts['input']): Embedder {
  const { imageSize: size, embeddingSize: length } = model;
  const scaled = Float32Array.from({ length: 256 }, (_, byte) => (byte - input.mean) / input.scale);
  return {
    length,
    async embed(images) {
      const batch = new Float32Array(2 * images.length * 3 * size * size);
      for (const [n, image] of images.entries())
        fillPlanes(batch, image, { size, scaled, n, mirror: images.length + n });
      const embedded = await model.embed(batch);
      const half = images.length * length;
      return Float64Array.from(
        { length: half },
        (_, i) => (embedded[i] as number) + (embedded[half + i] as number),
      );
    },
  };
}

/** Writes one image at place `n` of the batch and its mirror image at place `mirror`, channels first. */
function fillPlanes(
  batch: Float32Array,
  image: Uint8Array,
  { size, scaled, n, mirror }: { size: number; scaled: Float32Array; n: number; mirror: number },
): void {
  const plane = size * size;
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < size; y++) {
      const row = (3 * n + channel) * plane + y * size;
      const mirrored = (3 * mirror + channel) * plane + y * size + size - 1;
      for (let x = 0; x < size; x++) {
        const value = scaled[image[3 * (y * size + x) + channel] as number] as number;
        batch[row + x] = value;
        batch[mirrored - x] = value;
      }
    }
  }
}

/** The baseline that knows nothing of faces: pixels less `mean`, the [size, size, 3] mean training image. */
export function pixelEmbedder(mean: Float64Array, size: number): Embedder {
  return {
    length: mean.length,
    async embed(images) {
      const vectors = new Float64Array(images.length * mean.length);
      for (const [n, image] of images.entries()) {
        for (let i = 0; i < mean.length; i++) {
          const x = Math.floor(i / 3) % size;
          const mirror = i + 3 * (size - 1 - 2 * x);
          vectors[n * mean.length + i] =
            (image[i] as number) + (image[mirror] as number) - 2 * (mean[i] as number);
        }
      }
      return vectors;
    },
  };
}

/** So many images fix their mean to a fraction of a grey level, however large the training part is. */
const largestSample = 10_000;
const batchSize = 64;

/** The mean image of a part as [size, size, 3], over all its instances or as many evenly spaced ones. */
export async function meanImage(part: Part, signal: AbortSignal): Promise<Float64Array> {
  const sample = Math.min(part.instances, largestSample);
  const sum = new Float64Array(3 * part.imageSize ** 2);
  for (let begin = 0; begin < sample; begin += batchSize) {
    signal.throwIfAborted();
    const batch = Array.from({ length: Math.min(batchSize, sample - begin) }, async (_, i) => {
      const instance = Math.floor(((begin + i) * part.instances) / sample);
      const [jpeg] = await part.jpegs(instance, instance + 1);
      return await decodeImage(jpeg as Buffer, part.imageSize, instance);
    });
    for (const image of await Promise.all(batch)) {
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (image[i] as number);
    }
  }
  return sum.map((value) => value / sample);
}
