import { chmod, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { BlobCache } from './cache.ts';
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

async function emptyCache(): Promise<BlobCache> {
  return new BlobCache(await mkdtemp(join(folder, 'dir-')));
}

test('a blob is downloaded once and then taken from the disk', async () => {
  const cache = await emptyCache();
  const blob = await store.putBlob(Buffer.from('cached'));
  const path = await cache.path(blob, store);
  expect(await readFile(path, 'utf8')).toBe('cached');
  expect((await stat(path)).mode & 0o777).toBe(0o444);
  expect(await cache.path(blob, store)).toBe(path);
  expect(await new BlobCache(cache.dir).path(blob, store)).toBe(path);
  expect(downloads).toBe(1);
});

test('requests at the same time share one download', async () => {
  const cache = await emptyCache();
  const blob = await store.putBlob(Buffer.alloc(2 << 20, 'shared'));
  const paths = await Promise.all(Array.from({ length: 20 }, () => cache.path(blob, store)));
  expect(new Set(paths).size).toBe(1);
  expect(downloads).toBe(1);
});

test('two caches over one folder do not disturb each other', async () => {
  const first = await emptyCache();
  const blob = await store.putBlob(Buffer.alloc(2 << 20, 'two'));
  const [path] = await Promise.all([first.path(blob, store), new BlobCache(first.dir).path(blob, store)]);
  expect((await readFile(path)).equals(Buffer.alloc(2 << 20, 'two'))).toBe(true);
  expect(await readdir(join(first.dir, blob.digest.slice(0, 2)))).toEqual([blob.digest]);
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
  const path = await cache.path(blob, store);
  await chmod(path, 0o644);
  await spoil(path);
  expect(await readFile(await cache.path(blob, store), 'utf8')).toBe('right');
  expect(downloads).toBe(2);
});

test('who gives up does not stop the others', async () => {
  const cache = await emptyCache();
  const blob = await store.putBlob(Buffer.alloc(4 << 20, 'patience'));
  const controller = new AbortController();
  onDownload = () => setImmediate(() => controller.abort(new Error('no time')));
  const impatient = cache.path(blob, store, controller.signal);
  const patient = cache.path(blob, store, new AbortController().signal);
  await expect(impatient).rejects.toThrow('no time');
  expect((await readFile(await patient)).equals(Buffer.alloc(4 << 20, 'patience'))).toBe(true);
  expect(downloads).toBe(1);
});

test('who has given up already starts nothing', async () => {
  const blob = await store.putBlob(Buffer.from('never asked'));
  await expect((await emptyCache()).path(blob, store, AbortSignal.abort())).rejects.toMatchObject({
    name: 'AbortError',
  });
  expect(downloads).toBe(0);
});

test('when all give up nothing is left, and the next one gets the blob', async () => {
  const cache = await emptyCache();
  const blob = await store.putBlob(Buffer.alloc(4 << 20, 'again'));
  const controller = new AbortController();
  onDownload = () => controller.abort();
  const request = cache.path(blob, store, controller.signal);
  await expect(request).rejects.toMatchObject({ name: 'AbortError' });
  expect((await readFile(await cache.path(blob, store))).equals(Buffer.alloc(4 << 20, 'again'))).toBe(true);
  expect(await readdir(join(cache.dir, blob.digest.slice(0, 2)))).toEqual([blob.digest]);
});

test('a failed download is tried again by the next request', async () => {
  const cache = await emptyCache();
  const bytes = Buffer.from(`late ${cache.dir}`);
  const [blob, elsewhere] = [
    { ...(await store.putBlob(bytes)) },
    openStore({ ...server.env, F2C_BUCKET: 'none' }),
  ];
  await expect(cache.path(blob, elsewhere)).rejects.toMatchObject({ code: 'F2C_BUCKET_MISSING' });
  expect((await readFile(await cache.path(blob, store))).equals(bytes)).toBe(true);
});
