import { z } from 'zod';
import { artifact, defineStep, metric, optionalArtifact } from '../../language/contract/step.ts';

export const evaluateStep = defineStep({
  name: 'evaluate',
  version: 1,
  summary: 'Verifies pairs of faces of the held-out identities and reports accuracy, EER and TAR@FAR.',
  params: z.strictObject({
    label: z
      .string()
      .min(1)
      .max(80)
      .describe('Name in tables; reports with the same label are averaged by `compare`'),
    embedding: z
      .enum(['model', 'pixels'])
      .default('model')
      .describe(
        'What is compared: embeddings of the model, or as a baseline the pixels less the mean training image',
      ),
    seed: z.int().min(0).default(0).describe('Chooses the impostor pairs and the order of the pairs'),
  }),
  inputs: { index: artifact('index'), model: optionalArtifact('model') },
  outputs: {
    report: artifact('report'),
    accuracy: metric('0..1'),
    eer: metric('0..1'),
    tarAtFar1e2: metric('0..1'),
  },
  queue: 'data',
  timeout: '12h',
  heartbeat: '30s',
});
