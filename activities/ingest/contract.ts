import { z } from 'zod';
import { artifact, defineStep, metric } from '../../language/contract/step.ts';

const samples = ['sample:att-faces'];

/** What of a source is wrong wherever a worker runs. */
function refuseUnknown(source: string, context: z.RefinementCtx): void {
  const complain = (message: string) => context.addIssue({ code: 'custom', message });
  if (source.startsWith('sample:') && !samples.includes(source))
    complain(`must be ${samples.join(' or ')}, if it is a sample`);
  if (/^s3:\/\/(\/|$)/.test(source)) complain('must name a bucket, as in s3://bucket/prefix');
  if (/^\.{0,2}[^/:]*\//.test(source) && !source.startsWith('/'))
    complain('must be no relative path: workers run in another folder; write an absolute one');
}

export const ingestStep = defineStep({
  name: 'ingest',
  version: 1,
  summary: 'Reads a folder of images per identity and packs them as square JPEGs into WebDataset shards.',
  params: z.strictObject({
    source: z.string().min(1).superRefine(refuseUnknown).meta({
      title: 'Images',
      description:
        'Where the images are, one folder per identity: `s3://bucket/prefix`, an absolute folder, or `sample:att-faces`',
    }),
    imageSize: z
      .int()
      .min(16)
      .max(1024)
      .default(112)
      .describe('Width and height of the stored images, in pixels'),
    fit: z
      .enum(['cover', 'contain', 'fill'])
      .default('cover')
      .describe('How an image that is not square becomes square: cut its middle out, pad it, or stretch it'),
    quality: z
      .int()
      .min(50)
      .max(100)
      .default(95)
      .describe('JPEG quality of images that are not stored as they are'),
    shardMiB: z
      .number()
      .positive()
      .max(4096)
      .default(64)
      .describe('Size of a shard at which the next one begins, in MiB'),
  }),
  inputs: {},
  outputs: {
    dataset: artifact('dataset'),
    identities: metric('count'),
    instances: metric('count'),
    rejected: metric('count'),
  },
  queue: 'data',
  timeout: '7d',
  heartbeat: '30s',
  fingerprint: true,
});
