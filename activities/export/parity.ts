import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { F2cError } from '../../errors/failure.ts';
import { OnnxModel } from './model.ts';

/** `parity.json` of the trainer's export: shapes of `inputs.f32` and `embeddings.f32` beside it. */
const parityShapes = z.object({
  count: z.int().min(2),
  imageSize: z.int().positive(),
  embeddingSize: z.int().positive(),
});

export interface Parity {
  imageSize: number;
  embeddingSize: number;
  /** Of the two embeddings of an image, over all images, each run in one batch and alone. */
  worstCosine: number;
  /** Between any two numbers of them, embeddings scaled to length 1. */
  largestDifference: number;
}

/**
 * Runs the exported model of `folder` on the trainer's inputs and compares with the trainer's own embeddings;
 * fails if any cosine falls short of 1 by more than `tolerance`.
 */
export async function checkParity(folder: string, tolerance: number): Promise<Parity> {
  const { count, imageSize, embeddingSize } = parityShapes.parse(
    JSON.parse(await readFile(join(folder, 'parity.json'), 'utf8')),
  );
  const imageLength = 3 * imageSize * imageSize;
  const inputs = await readFloats(join(folder, 'inputs.f32'), count * imageLength);
  const expected = await readFloats(join(folder, 'embeddings.f32'), count * embeddingSize);

  // One thread, so that the figures do not depend on how many cores the worker has.
  const model = await OnnxModel.open(join(folder, 'model.onnx'), { imageSize, embeddingSize, threads: 1 });
  try {
    let worstCosine = 1;
    let largestDifference = 0;
    const compare = (found: Float32Array, wanted: Float32Array) => {
      for (let i = 0; i < wanted.length; i += embeddingSize) {
        const pair = [found.subarray(i, i + embeddingSize), wanted.subarray(i, i + embeddingSize)] as const;
        worstCosine = Math.min(worstCosine, cosine(...pair));
        largestDifference = Math.max(largestDifference, difference(...pair));
      }
    };
    compare(await runModel(model, inputs), expected);
    for (let n = 0; n < count; n++) {
      const image = inputs.subarray(n * imageLength, (n + 1) * imageLength);
      compare(await runModel(model, image), expected.subarray(n * embeddingSize, (n + 1) * embeddingSize));
    }
    // Written so that a cosine which is not a number fails too.
    if (!(1 - worstCosine <= tolerance)) {
      throw parityFailed(
        `The worst cosine between trained and exported model is ${worstCosine}, at least ${1 - tolerance} is accepted`,
      );
    }
    return { imageSize, embeddingSize, worstCosine, largestDifference };
  } finally {
    await model.close();
  }
}

/** A model that cannot run a batch, or only one size of it, is not the trained model either. */
async function runModel(model: OnnxModel, images: Float32Array): Promise<Float32Array> {
  try {
    return await model.embed(images);
  } catch (error) {
    const count = images.length / (3 * model.imageSize ** 2);
    throw parityFailed(`onnxruntime cannot run the exported model on a batch of ${count}: ${error}`, error);
  }
}

function parityFailed(what: string, cause?: unknown): F2cError {
  return new F2cError('F2C_PARITY_FAILED', {
    what,
    where: 'export',
    fix: 'Raise `tolerance` if the difference is acceptable; else report the network that exports wrongly',
    cause,
  });
}

async function readFloats(path: string, length: number): Promise<Float32Array> {
  const bytes = await readFile(path);
  if (bytes.length !== 4 * length) throw new Error(`${path} has ${bytes.length} bytes, not ${4 * length}`);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function cosine(a: Float32Array, b: Float32Array): number {
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return product / Math.sqrt(squareA * squareB);
}

/** Largest absolute difference of two vectors, each scaled to length 1. */
function difference(a: Float32Array, b: Float32Array): number {
  const scaleA = 1 / Math.hypot(...a);
  const scaleB = 1 / Math.hypot(...b);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    largest = Math.max(largest, Math.abs((a[i] as number) * scaleA - (b[i] as number) * scaleB));
  }
  return largest;
}
