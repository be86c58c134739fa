import { mkdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { runModule } from '../python.ts';
import { implement } from '../step.ts';
import { exportStep } from './contract.ts';
import { inputConvention, type ModelFacts } from './model.ts';
import { checkParity } from './parity.ts';

export const runExport = implement(exportStep, async ({ checkpoint, tolerance }, step) => {
  const source = join(step.workDir, 'checkpoint');
  const exported = join(step.workDir, 'exported');
  await mkdir(source);
  await mkdir(exported);
  for (const file of ['model.safetensors', 'config.json']) {
    await symlink(await step.open(checkpoint, file), join(source, file));
  }
  await runModule('f2c_trainer.export', ['--checkpoint', source, '--out', exported], step);
  const { imageSize, embeddingSize, worstCosine, largestDifference } = await checkParity(exported, tolerance);

  const model = join(exported, 'model.onnx');
  const facts: ModelFacts = {
    imageSize,
    embeddingSize,
    bytes: (await stat(model)).size,
    input: inputConvention,
  };
  return {
    files: { 'model.onnx': model },
    facts,
    // The last digits differ between kinds of CPU; the metric is part of the model's digest, which must not.
    metrics: { parity: Number(worstCosine.toFixed(6)) },
    measured: { worstCosine, largestDifference },
  };
});
