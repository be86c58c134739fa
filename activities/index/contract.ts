import { z } from 'zod';
import { artifact, defineStep, metric } from '../../language/step.ts';

const part = (name: string) =>
  z
    .number()
    .min(0)
    .default(0)
    .describe(`Identities in the ${name} part: a share below 1, or a whole number of identities`);

export const indexStep = defineStep({
  name: 'index',
  version: 1,
  summary: 'Sorts the instances by identity and splits the identities into train, validation and test parts.',
  params: z.strictObject({
    validation: part('validation'),
    test: part('test'),
    fold: z
      .int()
      .min(1)
      .optional()
      .describe('Cross-validation: which fold of identities is the test part, from 1'),
    folds: z
      .int()
      .min(2)
      .optional()
      .describe('Cross-validation: number of folds, in natural order of identity names'),
    seed: z.int().min(0).default(0).describe('Chooses which identities are held out'),
  }),
  inputs: { dataset: artifact('dataset') },
  outputs: { index: artifact('index'), trainIdentities: metric('count'), testIdentities: metric('count') },
  queue: 'data',
  timeout: '12h',
  heartbeat: '30s',
});
