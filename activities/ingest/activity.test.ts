import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestStore, type TestStore } from '../../test/support/store.ts';
import type { Made, Progress } from '../step.ts';
import { runIngest } from './activity.ts';
import { ingestStep } from './contract.ts';
import { graymap, picture, writeTree } from './testdata/images.ts';
import { contentOf, digests, rowsOf, type TestStep, testStep } from './testdata/step.ts';

let source: string;
const steps: TestStep[] = [];
beforeEach(async () => {
  source = await mkdtemp(join(tmpdir(), 'f2c-source-'));
});
afterEach(async () => {
  for (const step of steps.splice(0)) await step.remove();
  await rm(source, { recursive: true, force: true });
});

type Options = Parameters<typeof testStep>[0];

async function ingest(
  params: Record<string, unknown> = {},
  options: Options = {},
): Promise<Made & { step: TestStep }> {
  const step = await testStep(options);
  steps.push(step);
  const made = await runIngest.work(ingestStep.params.parse({ source, imageSize: 32, ...params }), step);
  return { ...made, step };
}

/** Twelve usable images of four identities, and seven things that are not. */
async function faces(): Promise<Record<string, Uint8Array | string>> {
  const jpeg = (seed: number) => picture(48, 40, seed).jpeg().toBuffer();
  const files: Record<string, Uint8Array | string> = {
    'readme.txt': 'About these faces',
    's3/': '',
    's2/notes.txt': 'not an image',
    's2/short.jpg': (await jpeg(1)).subarray(0, 900),
    's2/zero.jpg': '',
    's11/broken.pgm': graymap(40, 40).subarray(0, 800),
    's12/none.png': 'an identity without a usable image',
    's10/single.png': await picture(64, 64, 3).png().toBuffer(),
    's2/10.pgm': graymap(40, 50),
    's2/9.webp': await picture(50, 50, 4).webp({ lossless: true }).toBuffer(),
    's2/1.jpg': await picture(32, 32, 5).jpeg().toBuffer(),
  };
  for (let number = 0; number < 4; number++) files[`s1/${number}.jpg`] = await jpeg(number);
  for (let number = 0; number < 4; number++) files[`s11/${number}.jpg`] = await jpeg(10 + number);
  return files;
}

test('images that were added after the look-up are not stored under its key', async () => {
  await writeTree(source, await faces());
  const step = await testStep();
  steps.push(step);
  const params = ingestStep.params.parse({ source, imageSize: 32 });
  const fingerprint = (await runIngest.fingerprint?.(params, step)) ?? '';
  expect((await ingest({}, { fingerprint })).metrics.instances).toBe(12);
  await writeTree(source, { 's1/late.jpg': await picture(48, 48, 9).jpeg().toBuffer() });
  await expect(ingest({}, { fingerprint })).rejects.toThrow(
    `The source changed between the look-up and the reading (${source}). Run again when nobody writes to it.`,
  );
});

describe('a dataset', () => {
  test('every file is either an instance or rejected, in natural order', async () => {
    await writeTree(source, await faces());
    const { files, facts, metrics, step } = await ingest();
    expect(metrics).toEqual({ identities: 4, instances: 12, rejected: 7 });
    expect(await rowsOf(files['identities.parquet'])).toEqual([
      { identity: 0n, name: 's1', count: 4n },
      { identity: 1n, name: 's2', count: 3n },
      { identity: 2n, name: 's10', count: 1n },
      { identity: 3n, name: 's11', count: 4n },
    ]);
    const rejected = await rowsOf(files['rejected.parquet']);
    const unknown = 'it is not an image in a known format (JPEG, PNG, WebP, GIF, TIFF, AVIF, PGM)';
    expect(rejected).toEqual([
      { source: 'readme.txt', reason: 'it does not lie in the folder of an identity' },
      { source: 's2/notes.txt', reason: unknown },
      { source: 's2/short.jpg', reason: 'the JPEG image is damaged or ends too early' },
      { source: 's2/zero.jpg', reason: 'the file is empty' },
      { source: 's3/', reason: 'the folder is empty' },
      { source: 's11/broken.pgm', reason: 'PGM: the file ends before its 40 x 40 pixels do' },
      { source: 's12/none.png', reason: unknown },
    ]);
    const instances = await rowsOf(files['instances.parquet']);
    expect(instances.map((row) => row.source)).toEqual([
      ...[
        's1/0.jpg',
        's1/1.jpg',
        's1/2.jpg',
        's1/3.jpg',
        's2/1.jpg',
        's2/9.webp',
        's2/10.pgm',
        's10/single.png',
      ],
      ...['s11/0.jpg', 's11/1.jpg', 's11/2.jpg', 's11/3.jpg'],
    ]);
    expect(instances.map((row) => row.instance)).toEqual([...Array(12).keys()].map(BigInt));
    const bytes = instances.reduce((sum, row) => sum + Number(row.length), 0);
    expect(facts).toEqual({ imageSize: 32, ...metrics, shards: ['shard-000000.tar'], bytes });
    expect(step.reported.at(-1)).toEqual({ done: 19, total: 19, unit: 'images', note: '7 rejected' });
  });

  test('the table says where each JPEG lies, and tar and WebDataset find the same', async () => {
    const sources = await faces();
    await writeTree(source, sources);
    const { files } = await ingest({ shardMiB: 0.005 });
    const shards = Object.keys(files).filter((name) => name.startsWith('shards/'));
    expect(shards.length).toBeGreaterThan(2);
    for (const row of await rowsOf(files['instances.parquet'])) {
      const name = `shards/shard-${String(row.shard).padStart(6, '0')}.tar`;
      const shard = await contentOf(files[name]);
      const jpeg = shard.subarray(Number(row.offset), Number(row.offset) + Number(row.length));
      expect(createHash('sha256').update(jpeg).digest('hex')).toBe(row.sha256);
      const member = String(row.instance).padStart(9, '0');
      const extract = (ending: string) =>
        execFileSync('tar', ['-xOf', String(files[name]), `${member}.${ending}`]);
      expect(extract('jpg').equals(jpeg)).toBe(true);
      expect(extract('cls').toString()).toBe(String(row.identity));
      if (row.source === 's2/1.jpg') expect(jpeg.equals(sources['s2/1.jpg'] as Buffer)).toBe(true);
    }
  });

  test('the same source gives the same bytes again', async () => {
    const sources = await faces();
    await writeTree(source, sources);
    const first = await digests(await ingest({ shardMiB: 0.005 }));
    expect(await digests(await ingest({ shardMiB: 0.005 }))).toEqual(first);
  });

  // A change of these digests is a change of what the step makes: raise the version of its contract with them.
  test('version 1 makes these bytes', async () => {
    await writeTree(source, await faces());
    expect(ingestStep.version).toBe(1);
    expect(await digests(await ingest())).toEqual({
      'identities.parquet': '7c5b44a5e9c821f882045fe298c50e253b4ecc0b971a383a4263baa1c8e4bea1',
      'instances.parquet': '0132fb68a85a41ef80c2e7dc2930de89b515b2fa379cac0ba35307efae5b5f14',
      'rejected.parquet': 'abd5258957bfe3f06bc07c184f26e3a158f758c9ab37b8058ca370fafab2c2e7',
      'shards/shard-000000.tar': '2a2b339d2470a8ff70ffe79c3c5015827c0164f1bea788595d9f187f1318f5f6',
    });
  });

  test('the sample is 400 faces of 40 identities', async () => {
    const { files, metrics } = await ingest({ source: 'sample:att-faces', imageSize: 112 });
    expect(metrics).toEqual({ identities: 40, instances: 400, rejected: 0 });
    const identities = await rowsOf(files['identities.parquet']);
    expect(identities.map((row) => row.name)).toEqual([...Array(40).keys()].map((at) => `s${at + 1}`));
    expect(new Set(identities.map((row) => row.count))).toEqual(new Set([10n]));
  });

  test('a cancelled step stops with the reason of its signal, before or in the middle of the work', async () => {
    await writeTree(source, await faces());
    const reason = new Error('cancelled');
    await expect(ingest({}, { signal: AbortSignal.abort(reason) })).rejects.toThrow(reason);
    const controller = new AbortController();
    const step = await testStep({ signal: controller.signal });
    steps.push(step);
    const stopAtThree = { ...step, progress: ({ done }: Progress) => done === 3 && controller.abort(reason) };
    const params = ingestStep.params.parse({ source, imageSize: 32 });
    await expect(runIngest.work(params, stopAtThree)).rejects.toThrow(reason);
  });
});

describe('a source without images', () => {
  const fix = 'A source has one folder per identity, with its images in it.';

  test('an empty folder', async () => {
    await expect(ingest()).rejects.toMatchObject({
      code: 'F2C_NO_IMAGES',
      message: `The source is empty (${source}). ${fix}`,
    });
  });

  test('nothing but files that cannot be used', async () => {
    await writeTree(source, { 'a.jpg': '', 'b.jpg': '', 'ann/1.jpg': '', 'bob/': '' });
    await expect(ingest()).rejects.toMatchObject({
      code: 'F2C_NO_IMAGES',
      message:
        'None of the 4 files of the source can be used: it does not lie in the folder of an identity (2); ' +
        `the file is empty (1); the folder is empty (1) (${source}). ${fix}`,
    });
  });
});

describe('the fingerprint', () => {
  const fingerprint = async () => {
    const step = await testStep();
    steps.push(step);
    return runIngest.fingerprint?.(ingestStep.params.parse({ source }), step);
  };

  test('changes with a new image and with nothing else', async () => {
    await writeTree(source, { 'ann/1.jpg': '1' });
    const before = await fingerprint();
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    expect(await fingerprint()).toBe(before);
    await writeTree(source, { 'ann/2.jpg': '1' });
    expect(await fingerprint()).not.toBe(before);
  });
});

describe('a source in S3', () => {
  let server: TestStore;
  beforeAll(async () => {
    server = await startTestStore();
  });
  afterAll(() => server?.stop());

  test('gives the same bytes as the same files in a folder', async () => {
    const { store } = server;
    await store.ensureBucket();
    const sources = await faces();
    await writeTree(source, sources);
    for (const [key, content] of Object.entries(sources)) {
      await store.bucket.s3.send(
        new PutObjectCommand({ Bucket: store.bucket.name, Key: `raw/${key}`, Body: Buffer.from(content) }),
      );
    }
    const inS3 = await ingest({ source: `s3://${store.bucket.name}/raw` }, { store });
    expect(await digests(inS3)).toEqual(await digests(await ingest()));
  });
});
