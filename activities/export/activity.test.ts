import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { drawFaces } from '../evaluate/testdata/faces.ts';
import { localStep } from '../evaluate/testdata/local-step.ts';
import { manifestOf, writeIndex } from '../evaluate/testdata/write-index.ts';
import { runModule } from '../python.ts';
import type { StepContext } from '../step.ts';
import { trainStep } from '../train/contract.ts';
import { runExport } from './activity.ts';
import { modelFacts, OnnxModel } from './model.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-export-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** The checkpoint of an untrained network, made by the trainer. */
async function makeCheckpoint(step: StepContext) {
  const index = join(folder, 'index');
  await writeIndex(index, {
    imageSize: 32,
    train: await drawFaces('train', { identities: 8, images: 2, size: 32, noise: 20 }),
    test: [],
  });
  const work = join(folder, 'training');
  const { poolRatio, poolSize, select, ...params } = trainStep.params.parse({
    images: 0,
    head: 'fc',
    width: 0.25,
    embeddingSize: 32,
    identitiesPerStep: 2,
    instancesPerStep: 2,
  });
  const config = { ...params, imageSize: 32, index, shards: join(index, 'shards'), work };
  await writeFile(join(folder, 'config.json'), JSON.stringify(config));
  await runModule('f2c_trainer', [join(folder, 'config.json')], step);
  const [last] = await readdir(join(work, 'checkpoints'));
  await rename(join(work, 'checkpoints', last as string), join(folder, 'checkpoint'));
  return manifestOf('checkpoint', ['model.safetensors', 'config.json']);
}

describe('export', () => {
  it('makes an ONNX model that embeds as the trained network does', async () => {
    const step = await localStep(folder);
    const checkpoint = await makeCheckpoint(step);
    const made = await runExport.work({ checkpoint, tolerance: 1e-5 }, step);

    expect(made.metrics).toEqual({ parity: 1 });
    expect(made.measured?.largestDifference).toBeLessThan(1e-4);
    const facts = modelFacts.parse(made.facts);
    expect(facts).toMatchObject({
      imageSize: 32,
      embeddingSize: 32,
      input: { layout: 'NCHW', color: 'RGB', mean: 127.5, scale: 127.5 },
    });
    expect(Object.keys(made.files)).toEqual(['model.onnx']);
    const model = await OnnxModel.open(made.files['model.onnx'] as string, { ...facts, threads: 1 });
    expect(await model.embed(new Float32Array(7 * 3 * 32 * 32))).toHaveLength(7 * 32);
    await model.close();
  });

  it('says when a checkpoint is damaged', async () => {
    const step = await localStep(folder);
    const checkpoint = await makeCheckpoint(step);
    await writeFile(join(folder, 'checkpoint', 'model.safetensors'), 'cut off');
    await expect(runExport.work({ checkpoint, tolerance: 1e-5 }, step)).rejects.toMatchObject({
      code: 'F2C_DATA_CORRUPT',
    });
  });
});
