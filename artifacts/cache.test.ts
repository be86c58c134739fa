import {
  chmod,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { BlobCache } from './cache.ts';
import type { BlobRef } from './manifest.ts';
import { type ArtifactStore, openStore } from './store.ts';

let server: TestStore;
let store: ArtifactStore;
let folder: string;
let downloads: number;
/** Called when a download begins. */
let onDownload: () => void;
beforeAll(async () => {
  server = await startTestStore();
  store = openStore(server.env);
  store.bucket.s3.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        if (commandName === 'GetObjectCommand') {
          downloads++;
          onDownload();
        }
        return next(args);
      },
    { step: 'initialize' },
  );
  folder = await mkdtemp(join(tmpdir(), 'f2c-cache-'));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  downloads = 0;
  onDownload = () => {};
});

async function emptyCache(limit = Number.POSITIVE_INFINITY): Promise<BlobCache> {
  return new BlobCache(await mkdtemp(join(folder, 'dir-')), limit);
}

let links = 0;
/** A new link to the cache's copy. */
async function linkOf(cache: BlobCache, blob: BlobRef, signal?: AbortSignal): Promise<string> {
  const path = join(folder, `link-${links++}`);
  await cache.link(blob, store, path, signal);
  return path;
}

async function contentOf(cache: BlobCache, blob: BlobRef): Promise<string> {
  return (await readFile(await linkOf(cache, blob))).toString();
}

function copyIn({ dir }: BlobCache, { digest }: BlobRef): string {
  return join(dir, digest.slice(0, 2), digest);
}

/** Digests of the copies in the cache. */
async function heldBy({ dir }: BlobCache): Promise<string[]> {
  return (await Promise.all((await readdir(dir)).map((prefix) => readdir(join(dir, prefix))))).flat();
}

/** Different blobs of a MiB. */
async function megabytes(name: string, count: number): Promise<BlobRef[]> {
  const blobs: BlobRef[] = [];
  for (let i = 0; i < count; i++) blobs.push(await store.putBlob(Buffer.alloc(1 << 20, `${name} ${i} `)));
  return blobs;
}

/** Uses the copy and lets go of it, so that nothing in the cache was used later. */
async function use(cache: BlobCache, blob: BlobRef): Promise<void> {
  const path = await linkOf(cache, blob);
  const begun = (await stat(path)).ctimeMs;
  // The clock of the file system stands still for milliseconds.
  for (let turn = 0; (await stat(path)).ctimeMs <= begun; turn++) {
    await link(path, `${path}-${turn}`);
    await rm(`${path}-${turn}`);
  }
  await rm(path);
}

test('a blob is downloaded once and then linked from the disk', async () => {
  const cache = await emptyCache();
  const blob = await store.putBlob(Buffer.from('cached'));
  const path = await linkOf(cache, blob);
  expect(await readFile(path, 'utf8')).toBe('cached');
  const { mode, nlink, ino } = await stat(path);
  expect([mode & 0o777, nlink]).toEqual([0o444, 2]);
  const after = await stat(await linkOf(new BlobCache(cache.dir, cache.limit), blob));
  expect([after.ino, after.nlink]).toEqual([ino, 3]);
  expect(downloads).toBe(1);
});

test('requests at the same time share one download', async () => {
  const cache = await emptyCache();
  const blob = await store.putBlob(Buffer.alloc(2 << 20, 'shared'));
  const paths = await Promise.all(Array.from({ length: 20 }, () => linkOf(cache, blob)));
  expect(new Set((await Promise.all(paths.map((path) => stat(path)))).map(({ ino }) => ino)).size).toBe(1);
  expect(downloads).toBe(1);
});

test('two caches over one folder do not disturb each other', async () => {
  const first = await emptyCache();
  const second = new BlobCache(first.dir, first.limit);
  const blob = await store.putBlob(Buffer.alloc(2 << 20, 'two'));
  const [path] = await Promise.all([linkOf(first, blob), linkOf(second, blob)]);
  expect((await readFile(path)).equals(Buffer.alloc(2 << 20, 'two'))).toBe(true);
  expect(await heldBy(first)).toEqual([blob.digest]);
});

test.each<[string, (path: string) => Promise<void>]>([
  ['truncated', (path) => truncate(path, 3)],
  ['altered', (path) => writeFile(path, 'Right')],
  ['removed', (path) => rm(path)],
  [
    'shortened under its old time',
    async (path) => {
      const { mtime } = await stat(path);
      await truncate(path, 3);
      await utimes(path, mtime, mtime);
    },
  ],
])('a copy that was %s is fetched again', async (_name, spoil) => {
  const cache = await emptyCache();
  const blob = await store.putBlob(Buffer.from('right'));
  await linkOf(cache, blob);
  await chmod(copyIn(cache, blob), 0o644);
  await spoil(copyIn(cache, blob));
  expect(await contentOf(cache, blob)).toBe('right');
  expect(downloads).toBe(2);
});

test('what was used least recently makes room', async () => {
  const cache = await emptyCache(3 << 20);
  const [one, two, three, four, five] = (await megabytes('old', 5)) as [
    BlobRef,
    BlobRef,
    BlobRef,
    BlobRef,
    BlobRef,
  ];
  for (const blob of [one, two, three, one]) await use(cache, blob);
  expect(downloads).toBe(3);
  await use(cache, four);
  expect((await heldBy(cache)).sort()).toEqual([one, three, four].map(({ digest }) => digest).sort());
  const restarted = new BlobCache(cache.dir, 2 << 20);
  await use(restarted, five);
  expect((await heldBy(cache)).sort()).toEqual([four, five].map(({ digest }) => digest).sort());
});

test('what is in use stays, whoever uses it, and goes once it is not', async () => {
  const cache = await emptyCache(2 << 20);
  const blobs = await megabytes('used', 6);
  const paths = await Promise.all(blobs.slice(0, 4).map((blob) => linkOf(cache, blob)));
  const other = new BlobCache(cache.dir, cache.limit);
  await use(other, blobs[4] as BlobRef);
  for (const path of paths) expect((await stat(path)).nlink).toBe(2);
  for (const path of paths) await rm(path);
  await use(other, blobs[5] as BlobRef);
  expect(await heldBy(cache)).toHaveLength(2);
  expect(downloads).toBe(6);
});

test('many at once fit the limit, and each is there when its link is made', async () => {
  const cache = await emptyCache(3 << 20);
  const blobs = await megabytes('many', 12);
  await Promise.all(
    blobs.map(async (blob) => {
      const path = await linkOf(cache, blob);
      expect((await stat(path)).size).toBe(blob.size);
      await rm(path);
    }),
  );
  await use(cache, await store.putBlob(Buffer.from('one more')));
  expect((await heldBy(cache)).length).toBeLessThanOrEqual(4);
});

test('a download that a killed process began is removed, one that goes on is not', async () => {
  const cache = await emptyCache();
  await mkdir(join(cache.dir, 'ab'));
  for (const name of ['abandoned', 'going-on']) await writeFile(join(cache.dir, 'ab', `${name}.part`), name);
  await utimes(join(cache.dir, 'ab', 'abandoned.part'), 1_700_000_000, 1_700_000_000);
  const blob = await store.putBlob(Buffer.from('next'));
  await linkOf(cache, blob);
  expect((await heldBy(cache)).sort()).toEqual([blob.digest, 'going-on.part'].sort());
});

test('a folder that cannot be one', async () => {
  const file = join(folder, 'a-file');
  await writeFile(file, '');
  const cache = new BlobCache(join(file, 'cache'), 1 << 20);
  await expect(linkOf(cache, await store.putBlob(Buffer.from('nowhere')))).rejects.toMatchObject({
    code: 'F2C_CACHE_UNUSABLE',
    message: expect.stringContaining(`fails with ENOTDIR (${cache.dir}). It must be a folder`),
  });
  expect(downloads).toBe(0);
});

test('a blob that is not what its digest says', async () => {
  const cache = await emptyCache();
  const blob = { ...(await store.putBlob(Buffer.from('one thing'))), size: 8 };
  await expect(linkOf(cache, blob)).rejects.toMatchObject({ code: 'F2C_BLOB_CORRUPT' });
  expect(await heldBy(cache)).toEqual([]);
});

test('who gives up does not stop the others', async () => {
  const cache = await emptyCache();
  const blob = await store.putBlob(Buffer.alloc(4 << 20, 'patience'));
  const controller = new AbortController();
  onDownload = () => setImmediate(() => controller.abort(new Error('no time')));
  const impatient = linkOf(cache, blob, controller.signal);
  const patient = linkOf(cache, blob, new AbortController().signal);
  await expect(impatient).rejects.toThrow('no time');
  expect((await readFile(await patient)).equals(Buffer.alloc(4 << 20, 'patience'))).toBe(true);
  expect(downloads).toBe(1);
});

test('who has given up already starts nothing', async () => {
  const blob = await store.putBlob(Buffer.from('never asked'));
  await expect(linkOf(await emptyCache(), blob, AbortSignal.abort())).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect(downloads).toBe(0);
});

test('when all give up nothing is left, and the next one gets the blob', async () => {
  const cache = await emptyCache();
  const blob = await store.putBlob(Buffer.alloc(4 << 20, 'again'));
  const controller = new AbortController();
  onDownload = () => controller.abort();
  const request = linkOf(cache, blob, controller.signal);
  await expect(request).rejects.toMatchObject({ name: 'AbortError' });
  const path = await linkOf(cache, blob);
  expect((await readFile(path)).equals(Buffer.alloc(4 << 20, 'again'))).toBe(true);
  expect(await heldBy(cache)).toEqual([blob.digest]);
});

test('a failed download is tried again by the next request', async () => {
  const cache = await emptyCache();
  const bytes = Buffer.from(`late ${cache.dir}`);
  const blob = await store.putBlob(bytes);
  const elsewhere = openStore({ ...server.env, F2C_BUCKET: 'none' });
  await expect(cache.link(blob, elsewhere, join(folder, 'never'))).rejects.toMatchObject({
    code: 'F2C_BUCKET_MISSING',
  });
  expect(await contentOf(cache, blob)).toBe(bytes.toString());
});
