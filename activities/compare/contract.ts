import { z } from 'zod';
import { artifact, artifacts, defineStep, metric } from '../../language/contract/step.ts';

export const compareStep = defineStep({
  name: 'compare',
  version: 1,
  summary: 'Puts reports side by side in one table, averages those of the same label and names the best.',
  params: z.strictObject({
    by: z.enum(['accuracy', 'eer', 'tarAtFar1e2']).default('accuracy').describe('The metric that decides'),
  }),
  inputs: { reports: artifacts('report') },
  outputs: { report: artifact('report'), best: metric('the metric that decides') },
  queue: 'data',
  timeout: '10m',
  heartbeat: '30s',
});
