import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../evaluate/random.ts';
import { checkParity } from './parity.ts';

const count = 5;
const modelFile = fileURLToPath(new URL('../evaluate/testdata/average-pool-16.onnx', import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-parity-'));
  await copyFile(modelFile, join(folder, 'model.onnx'));
});
afterEach(() => rm(folder, { recursive: true }));

/** What the trainer writes beside the model: random images and the means of their 4 x 4 blocks. */
async function writeExpected({ change = (embeddings: Float32Array) => embeddings, embeddingSize = 48 } = {}) {
  const random = createRandom('parity');
  const inputs = Float32Array.from({ length: count * 3 * 256 }, () => random.below(2001) / 1000 - 1);
  const embeddings = Float32Array.from({ length: count * 48 }, (_, i) => {
    const [plane, y, x] = [Math.floor(i / 16), 4 * (Math.floor(i / 4) % 4), 4 * (i % 4)] as const;
    let sum = 0;
    for (let k = 0; k < 16; k++) sum += inputs[256 * plane + 16 * (y + (k >> 2)) + x + (k & 3)] as number;
    return sum / 16;
  });
  await writeFile(join(folder, 'inputs.f32'), inputs);
  await writeFile(join(folder, 'embeddings.f32'), change(embeddings));
  await writeFile(join(folder, 'parity.json'), JSON.stringify({ count, imageSize: 16, embeddingSize }));
}

describe('checkParity', () => {
  it('finds equal embeddings equal, in a batch and one by one', async () => {
    await writeExpected();
    const parity = await checkParity(folder, 1e-6);
    expect(parity).toMatchObject({ imageSize: 16, embeddingSize: 48 });
    expect(parity.worstCosine).toBeGreaterThan(1 - 1e-9);
    expect(parity.largestDifference).toBeLessThan(1e-6);
  });

  it('measures the worst image, not the mean', async () => {
    await writeExpected({
      change: (embeddings) => {
        const last = embeddings.subarray(-48);
        const norm = Math.hypot(...last);
        // Turned towards another vector until the cosine is about 0.999.
        return embeddings.map((value, i) => (i === embeddings.length - 1 ? value + 0.0447 * norm : value));
      },
    });
    const { worstCosine, largestDifference } = await checkParity(folder, 0.01);
    expect(1 - worstCosine).toBeGreaterThan(0.0005);
    expect(1 - worstCosine).toBeLessThan(0.002);
    expect(largestDifference).toBeGreaterThan(0.01);
    await expect(checkParity(folder, 1e-4)).rejects.toMatchObject({
      code: 'F2C_PARITY_FAILED',
      message:
        `The worst cosine between trained and exported model is ${worstCosine}, at least 0.9999 is accepted (export). ` +
        'Raise `tolerance` if the difference is acceptable; else report the network that exports wrongly.',
    });
  });

  it('fails on embeddings that are not numbers', async () => {
    await writeExpected({ change: (embeddings) => embeddings.fill(Number.NaN, 60, 61) });
    await expect(checkParity(folder, 1)).rejects.toThrow(
      'The worst cosine between trained and exported model is NaN',
    );
  });

  it('fails on a model of another shape', async () => {
    await writeExpected({ change: (embeddings) => embeddings.subarray(0, count * 24), embeddingSize: 24 });
    await expect(checkParity(folder, 1)).rejects.toMatchObject({
      code: 'F2C_PARITY_FAILED',
      message: expect.stringContaining(
        'onnxruntime cannot run the exported model on a batch of 5: Error: the model gives [5,48] for 5 images, not [5,24]',
      ),
    });
  });
});
