import { z } from 'zod';
import { artifact, defineStep, metric } from '../../language/step.ts';

export const trainStep = defineStep({
  name: 'train',
  version: 1,
  summary: 'Trains a face embedding with the Dynamic Class Pool, or with the full FC layer to compare.',
  params: z.strictObject({
    images: z.int().min(0).default(1_000_000).meta({
      title: 'Budget',
      description: 'Probe images to train on, the same measure for every head; 0 gives the untrained network',
    }),
    head: z
      .enum(['dcp', 'fc'])
      .default('dcp')
      .describe('Dynamic Class Pool, or one weight vector per identity'),
    margin: z.enum(['cosface', 'arcface', 'sv']).default('cosface').describe('Margin of the in-pool loss'),
    marginValue: z
      .number()
      .min(0)
      .max(1)
      .default(0.4)
      .describe('CosFace and SV: taken off the cosine; ArcFace: radians added to the angle'),
    scale: z.number().positive().default(32).describe('Factor of the cosines inside the softmax'),
    poolRatio: z
      .number()
      .positive()
      .max(1)
      .optional()
      .describe('Slots of the pool as a share of the training identities (0.1 if neither is given)'),
    poolSize: z.int().min(1).optional().describe('Slots of the pool; instead of poolRatio'),
    poolInit: z
      .enum(['normal', 'reference'])
      .default('normal')
      .describe('Slots without an identity take no part (normal), or hold one random direction (reference)'),
    secondRow: z
      .enum(['hits', 'everywhere'])
      .default('hits')
      .describe('Slots that show their second feature in the second weights: those hit in the pass, or all'),
    outOfPoolWeight: z
      .number()
      .min(0)
      .default(1)
      .describe('Factor of the loss of probes whose identity is not in the pool'),
    outOfPoolHardest: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe(
        'Slots that push such a probe away: the hardest ones (3 to 10 by the size of the pool if not given)',
      ),
    galleryMomentum: z
      .number()
      .min(0)
      .max(1)
      .default(0.99)
      .describe('Share of the gallery network kept a step (EMA)'),
    identitiesPerStep: z.int().min(1).default(64).describe('Identities a step, two instances of each'),
    instancesPerStep: z
      .int()
      .min(0)
      .multipleOf(2)
      .default(64)
      .describe('Instances a step from the instance loader'),
    backbone: z
      .enum(['mbf', 'r18', 'r34', 'r50', 'r100'])
      .default('mbf')
      .describe('Network: MobileFaceNet, or IResNet of that depth'),
    width: z
      .number()
      .min(0.125)
      .max(4)
      .default(1)
      .describe('Factor of the number of channels; 1 is the published network'),
    embeddingSize: z.int().min(8).max(4096).default(512).describe('Length of an embedding'),
    learningRate: z.number().positive().default(0.1).describe('Peak learning rate of SGD'),
    momentum: z.number().min(0).max(1).default(0.9).describe('Nesterov momentum of SGD'),
    weightDecay: z.number().min(0).default(5e-4).describe('Weight decay of SGD'),
    warmup: z
      .number()
      .min(0)
      .max(1)
      .default(0.05)
      .describe('Share of the steps in which the learning rate rises; then it falls as a cosine'),
    augment: z
      .array(z.enum(['flip', 'shift', 'brightness']))
      .default(['flip'])
      .describe(
        'Random changes of each image: horizontal flip, small crops and shifts, brightness and contrast',
      ),
    checkpointEverySteps: z.int().min(1).default(500).describe('Steps between two checkpoints'),
    seed: z.int().min(0).default(0).describe('Fixes initial weights, sample order and augmentation'),
  }),
  inputs: { index: artifact('index') },
  outputs: { checkpoint: artifact('checkpoint'), loss: metric('nats') },
  queue: 'gpu',
  timeout: '60d',
  heartbeat: '20s',
});
