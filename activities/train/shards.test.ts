import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { BlobCache, bytesIn } from '../../artifacts/cache.ts';
import { sha256 } from '../../artifacts/canonical.ts';
import type { BlobRef, Manifest } from '../../artifacts/manifest.ts';
import { startTestStore, type TestStore } from '../../test/support/store.ts';
import { drawFaces } from '../evaluate/testdata/faces.ts';
import { localStep } from '../evaluate/testdata/local-step.ts';
import { manifestOf } from '../evaluate/testdata/write-index.ts';
import { runIndex } from '../index/activity.ts';
import { indexStep } from '../index/contract.ts';
import { runIngest } from '../ingest/activity.ts';
import { ingestStep } from '../ingest/contract.ts';
import { writeTree } from '../ingest/testdata/images.ts';
import type { Made, StepContext } from '../step.ts';
import { runTrain } from './activity.ts';
import { trainStep } from './contract.ts';
import { ShardSupply } from './shards.ts';

let server: TestStore;
let folder: string;
/** Ten shards of a MiB. */
let shards: Manifest;
const names = Array.from({ length: 10 }, (_, number) => `shard-${number}.tar`);

beforeAll(async () => {
  server = await startTestStore();
  folder = await mkdtemp(join(tmpdir(), 'f2c-shards-'));
  shards = manifestOf('index', []);
  for (const name of names)
    shards.files[`shards/${name}`] = await server.store.putBlob(Buffer.alloc(1 << 20, name));
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A step whose inputs come through a cache of `limit` bytes. */
async function stepWith(limit: number): Promise<StepContext & { cache: BlobCache }> {
  const home = await mkdtemp(join(folder, 'home-'));
  const cache = new BlobCache(join(home, 'cache'), limit);
  const link = (artifact: Manifest, file: string, path: string, signal?: AbortSignal) =>
    cache.link(artifact.files[file] as BlobRef, server.store, path, signal);
  return {
    ...(await localStep(home)),
    store: server.store,
    cache,
    cacheBytes: cache.limit,
    link,
    open: async (artifact, file) => {
      const path = join(home, file);
      await link(artifact, file, path);
      return path;
    },
  };
}

interface Supplied {
  step: StepContext & { cache: BlobCache };
  supply: ShardSupply;
  /** Names of the shards that are there. */
  there(): Promise<string[]>;
  want(wanted: string[], kept?: string[]): Promise<void>;
  failed: Promise<void>;
}

async function supplied(index: Manifest, limit: number, window?: number): Promise<Supplied> {
  const step = await stepWith(limit);
  const shardFolder = join(step.workDir, 'shards');
  await mkdir(shardFolder);
  let onFailure = () => {};
  const failed = new Promise<void>((resolve) => {
    onFailure = resolve;
  });
  const supply = new ShardSupply(index, { folder: shardFolder, window, onFailure }, step);
  return {
    step,
    supply,
    failed,
    there: async () => (await readdir(shardFolder)).filter((name) => name !== 'filling').sort(),
    want: async (wanted, kept = []) => {
      await writeFile(join(step.workDir, 'draft'), JSON.stringify({ wanted, kept }));
      await rename(join(step.workDir, 'draft'), join(step.workDir, 'wanted.json'));
    },
  };
}

const patience = { timeout: 60_000, interval: 20 };

test('what is wanted appears whole, and goes when it is not wanted any more', async () => {
  const { supply, there, want, step } = await supplied(shards, 6 << 20, 2);
  await want(names.slice(0, 4), names.slice(0, 1));
  await vi.waitFor(async () => expect(await there()).toEqual(names.slice(0, 4)), patience);
  const { size, nlink } = await stat(join(step.workDir, 'shards', 'shard-3.tar'));
  expect([size, nlink]).toEqual([1 << 20, 2]);
  const turns = [names.slice(4, 8), names.slice(2, 6), names.slice(6, 10)];
  for (const wanted of turns) {
    await want([...wanted, 'shard-0.tar'], ['shard-0.tar']);
    const expected = [...new Set([...wanted, 'shard-0.tar'])].sort();
    await vi.waitFor(async () => expect(await there()).toEqual(expected), patience);
  }
  expect(await bytesIn(step.cache.dir)).toBeLessThanOrEqual(6 << 20);
  await supply.stop();
  expect(supply.failure).toBeUndefined();
}, 120_000);

test('a training that stops leaves nothing under way', async () => {
  const { supply, want, step } = await supplied(shards, 10 << 20);
  await want(names);
  await vi.waitFor(async () => expect(await readdir(step.cache.dir)).not.toEqual([]), patience);
  await supply.stop();
  expect(supply.failure).toBeUndefined();
  const parts = async () =>
    (await readdir(step.cache.dir, { recursive: true })).filter((name) => name.endsWith('.part'));
  await vi.waitFor(async () => expect(await parts()).toEqual([]), patience);
}, 120_000);

test.each<[string, string, Partial<BlobRef>, string]>([
  ['is gone from the store', 'shard-9.tar', { digest: sha256('gone') }, 'F2C_BLOB_MISSING'],
  ['is not what its digest says', 'shard-9.tar', { size: 1000 }, 'F2C_BLOB_CORRUPT'],
])(
  'a shard that %s ends the training',
  async (_name, name, changes, code) => {
    const altered = { ...(shards.files[`shards/${name}`] as BlobRef), ...changes };
    const index = { ...shards, files: { ...shards.files, [`shards/${name}`]: altered } };
    const { supply, want, failed } = await supplied(index, 20 << 20);
    await want(names);
    await failed;
    await supply.stop();
    expect(supply.failure).toMatchObject({ code });
  },
  60_000,
);

test.each<[string, number, number | undefined, string[], string]>([
  [
    'everything',
    6,
    undefined,
    [],
    'The 10 shards take 0.00977 GiB, and the local cache may take 0.00586 GiB (train). ' +
      'Set `shardWindow` to 3 at most, or raise F2C_CACHE_GIB.',
  ],
  [
    'two windows beside the validation',
    6,
    3,
    ['shard-0.tar'],
    'Two windows of 3 shards and the 1 of the validation take 0.00684 GiB, and the local cache may take 0.00586 GiB ' +
      '(train). Set `shardWindow` to 2 at most, or raise F2C_CACHE_GIB.',
  ],
  [
    'the smallest windows',
    1,
    undefined,
    [],
    'The 10 shards take 0.00977 GiB, and the local cache may take 0.000977 GiB (train). ' +
      'Raise F2C_CACHE_GIB to 0.00196 at least and set `shardWindow`.',
  ],
])(
  'a cache that is too small for %s',
  async (_name, mib, window, kept, message) => {
    const { supply, want, failed, there } = await supplied(shards, mib << 20, window);
    await want(names.slice(0, 2), kept);
    await failed;
    await supply.stop();
    expect(supply.failure).toMatchObject({ code: 'F2C_CACHE_TOO_SMALL', message });
    expect(await there()).toEqual([]);
  },
  60_000,
);

/** The files of a step as blobs of the store. */
async function stored(kind: Manifest['kind'], made: Made): Promise<Manifest> {
  const manifest = manifestOf(kind, [], made.facts);
  for (const [name, content] of Object.entries(made.files)) {
    if (typeof content === 'string') manifest.files[name] = await server.store.putBlob({ path: content });
    else manifest.files[name] = content instanceof Uint8Array ? await server.store.putBlob(content) : content;
  }
  return manifest;
}

/** An index of eight people whose images fill many small shards, of which two last for ten steps. */
async function smallShards(): Promise<Manifest> {
  const faces = await drawFaces('windows', { identities: 8, images: 30, size: 32, noise: 60 });
  const files = faces.flatMap((jpegs, person) =>
    jpegs.map((jpeg, i) => [`s${person}/${i}.jpg`, jpeg] as const),
  );
  const step = await stepWith(Number.POSITIVE_INFINITY);
  const source = join(step.workDir, 'source');
  await writeTree(source, Object.fromEntries(files));
  const params = ingestStep.params.parse({ source, imageSize: 32, shardMiB: 0.03 });
  const dataset = await stored('dataset', await runIngest.work(params, step));
  await mkdir(join(step.workDir, 'index'));
  const indexed = { ...step, workDir: join(step.workDir, 'index') };
  const made = await runIndex.work({ ...indexStep.params.parse({ validation: 2 }), dataset }, indexed);
  return await stored('index', made);
}

test('a data set larger than the cache is trained on as if it were smaller', async () => {
  const index = await smallShards();
  const sizes = Object.entries(index.files).flatMap(([name, { size }]) =>
    name.startsWith('shards/') ? [size] : [],
  );
  expect(sizes.length).toBeGreaterThan(8);
  const arrays = Object.entries(index.files).flatMap(([name, { size }]) =>
    name.endsWith('.npy') ? [size] : [],
  );
  const sum = (bytes: number[]) => bytes.reduce((total, size) => total + size, 0);
  const limit = sum(arrays) + 5000 + 5 * Math.max(...sizes);
  expect(limit).toBeLessThan(sum(arrays) + sum(sizes));

  const trained = async (name: string, cacheBytes: number, changes: object) => {
    const step = { ...(await stepWith(cacheBytes)), key: sha256(name) };
    let most = 0;
    const link: StepContext['link'] = async (artifact, file, path, signal) => {
      await step.cache.link(artifact.files[file] as BlobRef, server.store, path, signal);
      most = Math.max(most, await bytesIn(step.cache.dir));
    };
    const small = {
      images: 18 * 12,
      width: 0.25,
      embeddingSize: 32,
      poolRatio: 1,
      checkpointEverySteps: 100,
    };
    const params = trainStep.params.parse({
      ...small,
      ...{ identitiesPerStep: 4, instancesPerStep: 2, shardWindow: 2, ...changes },
    });
    const { files } = await runTrain.work({ index, initFrom: undefined, ...params }, { ...step, link });
    return { files, most };
  };
  const roomy = await trained('roomy', Number.POSITIVE_INFINITY, {});
  const tight = await trained('tight', limit, {});
  expect(tight.files).toEqual(roomy.files);
  expect(tight.most).toBeLessThanOrEqual(limit);
  expect(roomy.most).toBeGreaterThan(limit);
  await expect(trained('whole', limit, { shardWindow: undefined })).rejects.toMatchObject({
    code: 'F2C_CACHE_TOO_SMALL',
    message: expect.stringContaining('Set `shardWindow` to 2 at most'),
  });
}, 300_000);
