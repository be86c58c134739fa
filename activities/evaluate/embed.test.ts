import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inputConvention, OnnxModel } from '../export/model.ts';
import { embedPart } from './embed.ts';
import { type Embedder, meanImage, modelEmbedder, pixelEmbedder } from './embedders.ts';
import { decodeImage } from './images.ts';
import type { Part } from './instances.ts';
import { drawFaces, encodeJpeg } from './testdata/faces.ts';
import { localStep } from './testdata/local-step.ts';
import { VectorFile } from './vectors.ts';

const size = 16;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-embed-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** More instances than one batch has. */
async function drawnPart(name = 'part'): Promise<Part> {
  const faces = await drawFaces(name, { identities: 9, images: 8, size, noise: 30 });
  const jpegs = faces.flat();
  const first = Float64Array.from({ length: 10 }, (_, n) => 8 * n);
  return { imageSize: size, instances: 72, first, jpegs: async (from, to) => jpegs.slice(from, to) };
}

async function embedAll(part: Part, embedder: Embedder) {
  const step = await localStep(folder);
  const vectors = new VectorFile(join(folder, 'vectors'), embedder.length);
  try {
    const digest = await embedPart(part, embedder, vectors, step);
    const rows = Array.from({ length: part.instances }, (_, row) => {
      const vector = new Float64Array(embedder.length);
      vectors.read(row, vector);
      return vector;
    });
    return { digest, rows, told: step.told };
  } finally {
    vectors.close();
    await rm(join(folder, 'vectors'));
  }
}

async function images(part: Part): Promise<Uint8Array[]> {
  const jpegs = await part.jpegs(0, part.instances);
  return await Promise.all(jpegs.map((jpeg, i) => decodeImage(jpeg, size, i)));
}

function expectUnit(vector: Float64Array, wanted: number[]): void {
  const norm = Math.hypot(...wanted);
  vector.forEach((value, i) => {
    expect(value).toBeCloseTo((wanted[i] as number) / norm, 6);
  });
}

describe('embedPart', () => {
  it('sums the embeddings of each image and its mirror image and scales them to length 1', async () => {
    const path = fileURLToPath(new URL('testdata/average-pool-16.onnx', import.meta.url));
    const model = await OnnxModel.open(path, { imageSize: size, embeddingSize: 48, threads: 1 });
    const part = await drawnPart();
    const { rows, told } = await embedAll(part, modelEmbedder(model, inputConvention));
    await model.close();

    for (const [n, image] of (await images(part)).entries()) {
      const blockMean = (channel: number, row: number, column: number) => {
        let sum = 0;
        for (let y = 4 * row; y < 4 * row + 4; y++) {
          for (let x = 4 * column; x < 4 * column + 4; x++)
            sum += image[3 * (size * y + x) + channel] as number;
        }
        return (sum / 16 - 127.5) / 127.5;
      };
      const wanted = Array.from({ length: 48 }, (_, i) => {
        const [channel, row, column] = [Math.floor(i / 16), Math.floor(i / 4) % 4, i % 4] as const;
        return blockMean(channel, row, column) + blockMean(channel, row, 3 - column);
      });
      expectUnit(rows[n] as Float64Array, wanted);
    }
    expect(told.map(({ done }) => done)).toEqual([16, 32, 48, 64, 72]);
    expect(told[0]).toEqual({ done: 16, total: 72, unit: 'images' });
  });

  it('takes the mean training image off the pixels of the baseline', async () => {
    const part = await drawnPart();
    const train = await drawnPart('train');
    const trained = await images(train);
    const mean = await meanImage(train, new AbortController().signal);
    expect(mean[100]).toBeCloseTo(trained.reduce((sum, image) => sum + (image[100] as number), 0) / 72, 10);

    const { rows } = await embedAll(part, pixelEmbedder(mean, size));
    for (const [n, image] of (await images(part)).entries()) {
      const less = (x: number, y: number, c: number, source: number) =>
        (image[3 * (size * y + source) + c] as number) - (mean[3 * (size * y + x) + c] as number);
      const wanted = Array.from({ length: 768 }, (_, i) => {
        const [y, x, c] = [Math.floor(i / 48), Math.floor(i / 3) % size, i % 3] as const;
        return less(x, y, c, x) + less(x, y, c, size - 1 - x);
      });
      expectUnit(rows[n] as Float64Array, wanted);
    }
  });

  it('gives the same digest for the same images and identities only', async () => {
    const part = await drawnPart();
    const embedder = pixelEmbedder(new Float64Array(768), size);
    const { digest } = await embedAll(part, embedder);
    expect((await embedAll(part, embedder)).digest).toBe(digest);
    expect((await embedAll(await drawnPart('others'), embedder)).digest).not.toBe(digest);
    const regrouped = { ...part, first: Float64Array.of(0, 36, 72) };
    expect((await embedAll(regrouped, embedder)).digest).not.toBe(digest);
  });

  it('refuses embeddings that are not finite', async () => {
    const nan: Embedder = {
      length: 2,
      embed: async (batch) => new Float64Array(2 * batch.length).fill(Number.NaN),
    };
    await expect(embedAll(await drawnPart(), nan)).rejects.toMatchObject({
      code: 'F2C_DATA_CORRUPT',
      message:
        'The model gives numbers that are not finite for instance 0 of the test part (evaluate). Train again with a lower learning rate.',
    });
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const part = await drawnPart();
    const vectors = new VectorFile(join(folder, 'vectors'), 768);
    const step = { signal: stop.signal, progress: () => stop.abort(new Error('stopped')) };
    await expect(embedPart(part, pixelEmbedder(new Float64Array(768), size), vectors, step)).rejects.toThrow(
      'stopped',
    );
    vectors.close();
  });
});

describe('decodeImage', () => {
  it('gives three channels of a grey image', async () => {
    const grey = await encodeJpeg(Buffer.alloc(size * size, 90), size, 1);
    expect(await decodeImage(grey, size, 0)).toEqual(Buffer.alloc(3 * size * size, 90));
  });

  it('names an instance that is no image or not of the size of the index', async () => {
    await expect(decodeImage(Buffer.from('no image'), size, 5)).rejects.toThrow(
      /^Instance 5 cannot be decoded: /,
    );
    const small = await encodeJpeg(Buffer.alloc(64), 8, 1);
    await expect(decodeImage(small, size, 6)).rejects.toThrow(
      'Instance 6 is 8 x 8 pixels, the index says 16 x 16 (evaluate). Ingest the images again.',
    );
  });
});
