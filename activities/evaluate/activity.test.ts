import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Manifest } from '../../artifacts/manifest.ts';
import { inputConvention, type ModelFacts } from '../export/model.ts';
import { decodePgm } from '../ingest/pgm.ts';
import { openSampleSource } from '../ingest/sample.ts';
import { runEvaluate } from './activity.ts';
import { type VerificationReport, verificationReport } from './report.ts';
import { drawFaces } from './testdata/faces.ts';
import { localStep } from './testdata/local-step.ts';
import { type Faces, manifestOf, writeIndex } from './testdata/write-index.ts';

const size = 16;
const modelFile = fileURLToPath(new URL('testdata/average-pool-16.onnx', import.meta.url));

let folder: string;
let model: Manifest;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-evaluate-'));
  await mkdir(join(folder, 'model'));
  await copyFile(modelFile, join(folder, 'model', 'model.onnx'));
  model = modelOf(size);
});
afterEach(() => rm(folder, { recursive: true }));

function modelOf(imageSize: number): Manifest {
  const facts: ModelFacts = { imageSize, embeddingSize: 48, bytes: 200, input: inputConvention };
  return manifestOf('model', ['model.onnx'], facts);
}

function indexOf(faces: { train: Faces; test: Faces }, imageSize = size): Promise<Manifest> {
  return writeIndex(join(folder, 'index'), { imageSize, ...faces });
}

async function evaluate(input: {
  index: Manifest;
  model?: Manifest;
  embedding?: 'model' | 'pixels';
  seed?: number;
}) {
  const step = await localStep(folder);
  const made = await runEvaluate.work(
    { label: 'a & b', embedding: 'model', seed: 0, model: undefined, ...input },
    step,
  );
  await rm(step.workDir, { recursive: true });
  const read = (file: string) => (made.files[file] as Buffer).toString();
  const report: VerificationReport = verificationReport.parse(JSON.parse(read('report.json')));
  return { made, report, page: read('report.html') };
}

describe('evaluate', () => {
  it('tells identities apart whose pictures differ', async () => {
    const index = await indexOf({
      train: await drawFaces('train', { identities: 3, images: 4, size, noise: 20 }),
      test: await drawFaces('test', { identities: 10, images: 5, size, noise: 20 }),
    });
    const { made, report, page } = await evaluate({ index, model });
    expect(made.metrics).toEqual({ accuracy: 1, eer: 0, tarAtFar1e2: 1 });
    expect(made.facts).toEqual({
      label: 'a & b',
      embedding: 'model',
      benchmark: report.benchmark,
      identities: 10,
      instances: 50,
      pairs: 200,
      accuracyStd: 0,
      auc: 1,
    });
    expect(report).toMatchObject({
      pairs: { genuine: 100, impostor: 100, genuineInAll: 100 },
      accuracy: { mean: 1, std: 0 },
      tarAtFar: [{ far: 0.1, tar: 1 }],
      intervals: { eer: [0, 0], tarAtFar1e2: [1, 1] },
    });
    expect(report.folds).toHaveLength(10);
    expect(page).toContain('<h1>a &amp; b: face verification</h1>');
    expect(page).toContain('10 identities that were held out from training: 50 images of 16 × 16 pixels');
    expect(page.match(/<svg/g)).toHaveLength(2);
    expect(page).not.toContain('<script');
  });

  it('does no better than chance on noise', async () => {
    // Every image has an identity of its own here; they are only labelled as if five were one person.
    const noise = (await drawFaces('noise', { identities: 200, images: 1, size, noise: 0 })).flat();
    const test = Array.from({ length: 40 }, (_, n) => noise.slice(5 * n, 5 * n + 5));
    const index = await indexOf({ train: [noise.slice(0, 5)], test });
    for (const embedding of ['model', 'pixels'] as const) {
      const { report } = await evaluate(embedding === 'model' ? { index, model } : { index, embedding });
      expect(Math.abs(report.accuracy.mean - 0.5)).toBeLessThan(0.08);
      expect(Math.abs(report.eer - 0.5)).toBeLessThan(0.08);
      expect(Math.abs(report.auc - 0.5)).toBeLessThan(0.08);
    }
  });

  it('gives the same report for the same inputs, and names the benchmark by images and seed', async () => {
    const test = await drawFaces('test', { identities: 6, images: 4, size, noise: 100 });
    const train = await drawFaces('train', { identities: 3, images: 4, size, noise: 20 });
    const index = await indexOf({ train, test });
    const once = await evaluate({ index, model });
    expect(await evaluate({ index, model })).toMatchObject({ report: once.report, page: once.page });
    expect((await evaluate({ index, embedding: 'pixels' })).report.benchmark).toBe(once.report.benchmark);
    expect((await evaluate({ index, model, seed: 1 })).report.benchmark).not.toBe(once.report.benchmark);
    // Another training part does not change what is measured on.
    await rm(join(folder, 'index'), { recursive: true });
    const other = await indexOf({ train: train.slice(1), test });
    expect((await evaluate({ index: other, model })).report).toEqual(once.report);
  });

  it('measures what pixels can on ten people of the AT&T faces', async () => {
    const faces = await readFaces(64);
    const train = [...faces.slice(0, 10), ...faces.slice(20)];
    const index = await indexOf({ test: faces.slice(10, 20), train }, 64);
    const { report } = await evaluate({ index, embedding: 'pixels' });
    expect(report).toMatchObject({ identities: 10, instances: 100, pairs: { genuine: 450, impostor: 450 } });
    // NumPy on the same images, with impostor pairs of its own: 0.824 as the mean of three draws.
    expect(Math.abs(report.accuracy.mean - 0.824)).toBeLessThan(0.03);
    expect(report.tarAtFar.map(({ far }) => far)).toEqual([0.1, 0.01]);
  });

  it('refuses settings that do not fit', async () => {
    const faces = await drawFaces('few', { identities: 2, images: 4, size, noise: 0 });
    const index = await indexOf({ train: faces, test: faces });
    await expect(evaluate({ index })).rejects.toMatchObject({
      code: 'F2C_CONFIG_INVALID',
      message:
        '`embedding: model` needs the input `model` (evaluate). Give `model`, or choose `embedding: pixels`.',
    });
    await expect(evaluate({ index, model, embedding: 'pixels' })).rejects.toThrow(
      '`embedding: pixels` is measured without a model, but the input `model` is given (evaluate). Leave `model` out.',
    );
    await expect(evaluate({ index, model: modelOf(112) })).rejects.toThrow(
      'The model takes images of 112 pixels, the index has images of 16 pixels (evaluate). Give `index` and `model` that come from datasets of the same `imageSize`.',
    );
  });

  it('refuses a test part without genuine pairs', async () => {
    const test = await drawFaces('single', { identities: 20, images: 1, size, noise: 0 });
    const index = await indexOf({ train: test, test });
    await expect(evaluate({ index, model })).rejects.toMatchObject({ code: 'F2C_TOO_FEW_IDENTITIES' });
  });
});

/** The AT&T faces as square JPEGs, people in their natural order. */
async function readFaces(side: number): Promise<Faces> {
  const source = openSampleSource('sample:att-faces');
  const faces: Faces = Array.from({ length: 40 }, () => []);
  for await (const entry of source.list(new AbortController().signal)) {
    const { width, height, pixels } = decodePgm(await source.read(entry, new AbortController().signal));
    const jpeg = await sharp(pixels, { raw: { width, height, channels: 1 } })
      .resize(side, side, { fit: 'cover' })
      .jpeg({ quality: 95 })
      .toBuffer();
    faces[Number(entry.identity.slice(1)) - 1]?.push(jpeg);
  }
  return faces;
}
