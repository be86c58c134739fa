import { z } from 'zod';
import { artifact, defineStep, metric, optionalArtifact } from '../../language/contract/step.ts';
import { faultOfParts, faultOfPool, faultOfProcesses } from './batches.ts';

export const trainStep = defineStep({
  name: 'train',
  version: 5,
  summary: 'Trains a face embedding with the Dynamic Class Pool, or with the full FC layer to compare.',
  params: z
    .strictObject({
      images: z.int().min(0).default(1_000_000).meta({
        title: 'Budget',
        description:
          'Probe images to train on, the same measure for every head; 0 gives the untrained network',
      }),
      head: z
        .enum(['dcp', 'partialFc', 'fc'])
        .default('dcp')
        .describe(
          'Dynamic Class Pool, or one weight vector per identity of which an update samples some (partialFc) or takes all',
        ),
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
        .describe(
          'Slots without an identity take no part (normal), or hold one random direction (reference)',
        ),
      secondRow: z
        .enum(['hits', 'everywhere'])
        .default('hits')
        .describe(
          'Slots that show their second feature in the second weights: those hit in the pass, or all',
        ),
      poolSharding: z
        .boolean()
        .default(false)
        .describe('Each process of a training holds a part of the slots, instead of all of them'),
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
        .describe(
          'Share of the gallery network kept an update (EMA); a training of a few hundred updates wants 0.9',
        ),
      sampleRate: z
        .number()
        .positive()
        .max(1)
        .default(0.1)
        .describe(
          'partialFc: share of the identities in the softmax of an update, which has all of its own at least',
        ),
      identitiesPerStep: z.int().min(1).default(64).describe('Identities a step, two instances of each'),
      instancesPerStep: z
        .int()
        .min(0)
        .multipleOf(2)
        .default(64)
        .describe('Instances a step from the instance loader'),
      shardWindow: z
        .int()
        .min(1)
        .optional()
        .describe(
          'Shards that are mixed at a time, for a data set that is larger than the local cache: two windows must fit it (all if not given)',
        ),
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
      initWeights: z
        .strictObject({
          file: z
            .string()
            .regex(
              /^(s3:\/\/[^/]+)?\/.+\.(safetensors|onnx|pth?)$/,
              'must be `s3://bucket/key` or an absolute path and end in .safetensors, .onnx, .pt or .pth',
            )
            .describe('Where the file is: `s3://bucket/key` or an absolute path'),
          sha256: z
            .string()
            .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits, as `sha256sum` prints them')
            .describe('SHA-256 of the file, as `sha256sum` prints it'),
        })
        .optional()
        .describe(
          'Weights to begin with, of this network: ours, of arcface_torch or of FFC; instead of initFrom',
        ),
      optimizer: z.enum(['sgd', 'adamw']).default('sgd').describe('SGD with Nesterov momentum, or AdamW'),
      learningRate: z
        .number()
        .positive()
        .default(0.1)
        .describe('Peak learning rate; AdamW wants about a hundredth of what SGD does'),
      momentum: z.number().min(0).max(1).default(0.9).describe('Nesterov momentum of SGD'),
      weightDecay: z
        .number()
        .min(0)
        .default(5e-4)
        .describe('Weight decay; AdamW takes it off the weights by itself and wants far more, 0.05 to 0.1'),
      decayNorms: z
        .boolean()
        .default(true)
        .describe('Whether norm layers, biases and PReLU slopes decay as well'),
      clipNorm: z
        .number()
        .positive()
        .optional()
        .describe("Largest norm of the backbone's gradient; a longer one is shortened (off if not given)"),
      accumulate: z
        .int()
        .min(1)
        .default(1)
        .describe('Steps whose mean gradient makes one update of the weights'),
      schedule: z
        .enum(['cosine', 'polynomial', 'step'])
        .default('cosine')
        .describe('How the learning rate falls after the warm-up'),
      warmup: z
        .number()
        .min(0)
        .max(1)
        .default(0.05)
        .describe('Share of the updates in which the learning rate rises in a line'),
      power: z.number().positive().default(1).describe('Polynomial schedule: its power; 1 is a line'),
      decayAt: z
        .array(z.number().gt(0).lt(1))
        .refine((shares) => shares.every((share, i) => share > (shares[i - 1] ?? 0)), 'must ascend')
        .default([0.42, 0.74, 0.89])
        .describe('Step schedule: shares of the updates after which the learning rate falls'),
      decayFactor: z.number().positive().max(1).default(0.1).describe('Step schedule: factor of each fall'),
      precision: z
        .enum(['fp32', 'bf16', 'fp16'])
        .default('fp32')
        .describe('What the networks compute in; weights and losses stay fp32, and fp16 scales the loss'),
      bnGroups: z
        .int()
        .min(1)
        .optional()
        .describe(
          'Groups in which batch norm sees the images of a pass, whatever the number of processes (one a process if not given)',
        ),
      syncBatchNorm: z
        .boolean()
        .default(false)
        .describe('Batch norm over the images of all processes; needs GPUs'),
      gradientCompression: z
        .enum(['none', 'bf16', 'fp16'])
        .default('none')
        .describe('What several processes send each other gradients in'),
      compile: z
        .boolean()
        .default(false)
        .describe('Compile the networks: faster on a GPU, but another machine may give other bits'),
      augment: z
        .array(z.enum(['flip', 'shift', 'crop', 'brightness', 'blur', 'downscale', 'jpeg', 'occlusion']))
        .default(['flip'])
        .describe(
          'Random changes of images, made in the same order however they are listed: `flip` mirrors half of them, `shift` moves all by whole pixels. The others are of three kinds, each for a fifth of the images, which then have one of those listed: what is seen (`crop`: 80 to 95 % of the side, enlarged; `occlusion`: a grey rectangle), quality (`blur`; `downscale`, and up again; `jpeg`, where a CPU decodes), light (`brightness`, and contrast)',
        ),
      decodeOn: z
        .enum(['cpu', 'gpu'])
        .default('cpu')
        .describe(
          'Where JPEGs are decoded and images changed: by libjpeg-turbo and OpenCV, or by nvJPEG and PyTorch if the worker has a GPU and torchvision; their pixels differ by rounding',
        ),
      checkpointEverySteps: z.int().min(1).default(500).describe('Steps between two checkpoints'),
      checkpointEverySeconds: z
        .number()
        .positive()
        .nullable()
        .default(300)
        .describe('Seconds between two checkpoints, if that comes first; null for steps alone'),
      stopAtLossRise: z
        .number()
        .gt(1)
        .optional()
        .describe(
          'Stop when the loss is so many times its smallest value since the warm-up, such as 3 (never if not given; NaN and infinity always stop)',
        ),
      validateEverySteps: z
        .int()
        .min(1)
        .optional()
        .describe("Steps between two validations on the index's validation part (never if not given)"),
      validationInstances: z
        .int()
        .min(2)
        .default(10_000)
        .describe('Instances of the validation part that are used at most, whole identities'),
      select: z
        .enum(['last', 'best'])
        .default('last')
        .describe(
          'Which checkpoint is the output: that of the last step, or the best one on the validation part',
        ),
      seed: z.int().min(0).default(0).describe('Fixes initial weights, sample order and augmentation'),
    })
    .superRefine((params, context) => {
      const { images, head, poolRatio, poolSize, bnGroups, syncBatchNorm, select, validateEverySteps } =
        params;
      const complain = (name: string, message: string) =>
        context.addIssue({ code: 'custom', path: [name], message });
      if (poolRatio !== undefined && poolSize !== undefined)
        complain('poolSize', 'must be left out where `poolRatio` is given');
      const hasOnlySize = poolSize !== undefined && poolRatio === undefined;
      const pool = head === 'dcp' && hasOnlySize && images > 0 ? faultOfPool(poolSize, params) : undefined;
      if (pool !== undefined) complain('poolSize', pool);
      const groups = bnGroups === undefined ? undefined : faultOfParts(bnGroups, params);
      if (groups !== undefined) complain('bnGroups', groups);
      if (bnGroups !== undefined && syncBatchNorm)
        complain('bnGroups', 'must be left out where `syncBatchNorm` is true');
      if (select === 'best' && validateEverySteps === undefined)
        complain('select', 'must be `last` where `validateEverySteps` is not given');
      if (params.decodeOn === 'gpu' && params.augment.includes('jpeg'))
        complain('decodeOn', 'must be `cpu` where `augment` has `jpeg`, which no GPU makes');
    }),
  inputs: { index: artifact('index'), initFrom: optionalArtifact('checkpoint') },
  outputs: { checkpoint: artifact('checkpoint'), loss: metric('nats'), bestAccuracy: metric('0..1') },
  queue: 'gpu',
  timeout: '60d',
  heartbeat: '20s',
  processes: true,
  faultOfProcesses,
  resumable: true,
});
