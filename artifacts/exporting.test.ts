import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { datasetDraft } from './draft.fixture.ts';
import { exportArtifact } from './exporting.ts';
import type { Manifest } from './manifest.ts';
import type { ArtifactStore } from './store.ts';

let server: TestStore;
let store: ArtifactStore;
let folder: string;
let manifest: Manifest;
beforeAll(async () => {
  server = await startTestStore();
  store = server.store;
  const files = {
    'identities.parquet': await store.putBlob(Buffer.from('names')),
    'shards/0.tar': await store.putBlob(Buffer.from('shard 0')),
    'shards/1.tar': await store.putBlob(Buffer.from('shard 1')),
  };
  manifest = (await store.commit(datasetDraft({ files }))).manifest;
});
afterAll(() => server.stop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-export-'));
  return () => rm(folder, { recursive: true, force: true });
});

test.each(['new', 'deep/new', 'empty'])('all files are written into a folder: %s', async (name) => {
  const target = join(folder, name);
  if (name === 'empty') await mkdir(target);
  await exportArtifact(store, manifest, target);
  expect((await readdir(target, { recursive: true })).sort()).toEqual([
    'identities.parquet',
    'shards',
    'shards/0.tar',
    'shards/1.tar',
  ]);
  expect(await readFile(join(target, 'shards/1.tar'), 'utf8')).toBe('shard 1');
  expect(await readdir(join(target, '..'))).toHaveLength(1);
});

test('a log is written into a folder of its own', async () => {
  const log = { 'curves/0': await store.putBlob(Buffer.from('curve')) };
  await exportArtifact(store, { ...manifest, log }, join(folder, 'new'));
  expect(await readFile(join(folder, 'new/log/curves/0'), 'utf8')).toBe('curve');
  expect(await readFile(join(folder, 'new/shards/0.tar'), 'utf8')).toBe('shard 0');
});

test('a folder with something in it is left alone', async () => {
  await writeFile(join(folder, 'mine.txt'), 'mine');
  await expect(exportArtifact(store, manifest, folder)).rejects.toMatchObject({
    code: 'F2C_FOLDER_NOT_EMPTY',
    message: `The export folder is not empty (${folder}). Name a new or an empty folder.`,
  });
  expect(await readdir(folder)).toEqual(['mine.txt']);
});

test('a file is not a folder', async () => {
  const target = join(folder, 'file');
  await writeFile(target, '');
  await expect(exportArtifact(store, manifest, target)).rejects.toMatchObject({
    code: 'F2C_FILE_UNREADABLE',
    message: `The export folder is a file (${target}). Name another folder.`,
  });
});

test('when a blob is missing nothing is written', async () => {
  const broken = { ...manifest, files: { ...manifest.files, 'z.tar': { digest: 'd'.repeat(64), size: 1 } } };
  await expect(exportArtifact(store, broken, join(folder, 'target'))).rejects.toMatchObject({
    code: 'F2C_BLOB_MISSING',
  });
  expect(await readdir(folder)).toEqual([]);
});
