import { z } from 'zod';
import { artifact, defineStep, metric } from '../../language/contract/step.ts';

export const exportStep = defineStep({
  name: 'export',
  version: 1,
  summary: 'Turns a checkpoint into an ONNX model and proves that both give the same embeddings.',
  params: z.strictObject({
    tolerance: z
      .number()
      .positive()
      .max(1)
      .default(1e-4)
      .describe('Largest accepted 1 - cosine between the two embeddings of an image'),
  }),
  inputs: { checkpoint: artifact('checkpoint') },
  outputs: { model: artifact('model'), parity: metric('cosine') },
  queue: 'data',
  timeout: '30m',
  heartbeat: '30s',
});
