import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '../../artifacts/manifest.ts';
import { F2cError } from '../../errors/failure.ts';
import { modelFacts, OnnxModel } from '../export/model.ts';
import { implement, type StepContext } from '../step.ts';
import { evaluateStep } from './contract.ts';
import { embedPart } from './embed.ts';
import { type Embedder, meanImage, modelEmbedder, pixelEmbedder } from './embedders.ts';
import { openPart, type Part } from './instances.ts';
import { reportPage } from './page.ts';
import { choosePairs, type Pairs } from './pairs.ts';
import { verify } from './report.ts';
import { pairDistances, VectorFile } from './vectors.ts';

export const runEvaluate = implement(evaluateStep, async ({ index, model, label, embedding, seed }, step) => {
  checkModel(embedding, model);
  const part = await openPart(step, index, 'test');
  // Before the images are read: a part that is too small is known at once.
  const pairs = choosePairs(part.first, seed);
  const started = performance.now();
  const { distances, images } =
    model === undefined
      ? await measurePixels(part, pairs, index, step)
      : await measureModel(part, pairs, model, step);
  const seconds = (performance.now() - started) / 1000;

  const benchmark = createHash('sha256').update(`f2c verification 1\n${images}\n${seed}\n`).digest('hex');
  const { imageSize, first } = part;
  const about = { first, label, embedding, benchmark, seed, imageSize };
  const report = await verify(distances, pairs, about, step.signal);
  return {
    files: {
      'report.json': Buffer.from(`${JSON.stringify(report, null, 1)}\n`),
      'report.html': Buffer.from(reportPage(report)),
    },
    facts: {
      label,
      embedding,
      benchmark,
      identities: report.identities,
      instances: report.instances,
      pairs: distances.length,
      accuracyStd: report.accuracy.std,
      auc: report.auc,
    },
    metrics: { accuracy: report.accuracy.mean, eer: report.eer, tarAtFar1e2: report.tarAtFar1e2 },
    measured: { imagesPerSecond: part.instances / seconds },
  };
});

interface Measured {
  /** Squared distance of each pair. */
  distances: Float64Array;
  /** SHA-256 of the images and of whose they are. */
  images: string;
}

async function measureModel(part: Part, pairs: Pairs, model: Manifest, step: StepContext): Promise<Measured> {
  const facts = modelFacts.parse(model.facts);
  if (facts.imageSize !== part.imageSize) {
    throw new F2cError('F2C_CONFIG_INVALID', {
      what: `The model takes images of ${facts.imageSize} pixels, the index has images of ${part.imageSize} pixels`,
      where: 'evaluate',
      fix: 'Give `index` and `model` that come from datasets of the same `imageSize`',
    });
  }
  const path = await step.open(model, 'model.onnx');
  const onnx = await OnnxModel.open(path, { ...facts, threads: availableParallelism() });
  try {
    return await measure(part, pairs, modelEmbedder(onnx, facts.input), step);
  } finally {
    await onnx.close();
  }
}

async function measurePixels(
  part: Part,
  pairs: Pairs,
  index: Manifest,
  step: StepContext,
): Promise<Measured> {
  const mean = await meanImage(await openPart(step, index, 'train'), step.signal);
  return await measure(part, pairs, pixelEmbedder(mean, part.imageSize), step);
}

async function measure(part: Part, pairs: Pairs, embedder: Embedder, step: StepContext): Promise<Measured> {
  const vectors = new VectorFile(join(step.workDir, 'vectors'), embedder.length);
  try {
    const images = await embedPart(part, embedder, vectors, step);
    return { images, distances: await pairDistances(vectors, pairs, step.signal) };
  } finally {
    vectors.close();
  }
}

function checkModel(embedding: 'model' | 'pixels', model: Manifest | undefined): void {
  if ((embedding === 'model') === (model !== undefined)) return;
  throw new F2cError('F2C_CONFIG_INVALID', {
    what:
      embedding === 'model'
        ? '`embedding: model` needs the input `model`'
        : '`embedding: pixels` is measured without a model, but the input `model` is given',
    where: 'evaluate',
    fix: embedding === 'model' ? 'Give `model`, or choose `embedding: pixels`' : 'Leave `model` out',
  });
}
