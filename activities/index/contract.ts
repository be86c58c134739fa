import { z } from 'zod';
import { artifact, defineStep, metric } from '../../language/contract/step.ts';

const part = (name: string) =>
  z
    .number()
    .min(0)
    .default(0)
    .describe(`Identities in the ${name} part: a share below 1, or a whole number of identities`);

export const indexStep = defineStep({
  name: 'index',
  version: 2,
  summary: 'Sorts the instances by identity and splits the identities into train, validation and test parts.',
  params: z
    .strictObject({
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
    })
    .superRefine(({ fold, folds, test, validation }, context) => {
      const complain = (name: string, message: string) =>
        context.addIssue({ code: 'custom', path: [name], message });
      if (fold !== undefined && folds === undefined) complain('fold', 'must have `folds` beside it');
      if (fold === undefined && folds !== undefined) complain('folds', 'must have `fold` beside it');
      if (fold !== undefined && folds !== undefined && fold > folds)
        complain('fold', `must be at most ${folds}, the number of folds`);
      if (folds !== undefined && test !== 0)
        complain('test', 'must be left out where `folds` says what the test part is');
      for (const [name, amount] of Object.entries({ validation, test })) {
        if (amount > 1 && !Number.isInteger(amount))
          complain(name, 'must be a share below 1 or a whole number of identities');
      }
    }),
  inputs: { dataset: artifact('dataset') },
  outputs: { index: artifact('index'), trainIdentities: metric('count'), testIdentities: metric('count') },
  queue: 'data',
  timeout: '12h',
  heartbeat: '30s',
});
