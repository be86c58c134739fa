import { z } from 'zod';
import { artifact, defineStep, metric, optionalArtifact } from '../../../language/contract/step.ts';

export const tallyStep = defineStep({
  name: 'tally',
  version: 1,
  summary: 'Adds up numbers, in no time: what runs cost and what they survive is tried out with it.',
  params: z.strictObject({
    number: z.int().describe('What it adds'),
    salt: z.string().default('').describe('Tells apart what would be the same'),
    millis: z.int().min(0).default(0).describe('How long it takes'),
    fails: z
      .enum(['never', 'once', 'always', 'afterCommit'])
      .default('never')
      .describe(
        'Which of its attempts fail; `afterCommit`: the first one kills its worker when it has committed',
      ),
    journal: z.string().default('').describe('A folder in which every attempt leaves notes'),
  }),
  inputs: {
    before: optionalArtifact('report'),
    reports: { port: 'artifact', artifact: 'report', many: true, optional: true },
  },
  outputs: { report: artifact('report'), total: metric('sum') },
  queue: 'data',
  timeout: '10m',
  heartbeat: '5s',
});
