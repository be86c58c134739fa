import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { contentKey } from './canonical.ts';
import { datasetDraft, datasetParts } from './draft.fixture.ts';
import { LoadedManifests } from './loaded.ts';
import type { Manifest } from './manifest.ts';

let server: TestStore;
beforeAll(async () => {
  server = await startTestStore();
});
afterAll(() => server.stop());

async function committed(source: string): Promise<Manifest> {
  const from = { ...datasetParts, params: { source } };
  return (await server.store.commit(datasetDraft({ from, key: contentKey(from) }))).manifest;
}

test('an artifact is read once, and each reader has its own copy', async () => {
  const manifest = await committed('once');
  const reads = vi.spyOn(server.store, 'load');
  const loaded = new LoadedManifests(server.store);
  const [one, other] = await Promise.all([loaded.load(manifest, 'a'), loaded.load(manifest, 'a')]);
  one.facts.identities = 0;
  expect(other).toEqual(manifest);
  expect(await loaded.load(manifest, 'a')).toEqual(manifest);
  expect(reads).toHaveBeenCalledTimes(1);
  reads.mockRestore();
});

test('another run sees what was made again to the same content', async () => {
  const manifest = await committed('again');
  const loaded = new LoadedManifests(server.store);
  await loaded.load(manifest, 'a');
  const stored = await server.store.read('dataset', manifest.key);
  const again = { ...manifest, measured: { seconds: 9 } };
  await server.store.replace(again, stored?.etag ?? '');
  expect(await loaded.load(manifest, 'a')).toEqual(manifest);
  expect(await loaded.load(manifest, 'b')).toEqual(again);
});

test('what could not be read is read again', async () => {
  const { kind, key, digest } = await committed('later');
  const unknown = { kind, key: 'f'.repeat(64), digest };
  const loaded = new LoadedManifests(server.store);
  await expect(loaded.load(unknown, 'a')).rejects.toMatchObject({ code: 'F2C_ARTIFACT_UNKNOWN' });
  await expect(loaded.load({ kind, key, digest: '0'.repeat(64) }, 'a')).rejects.toMatchObject({
    code: 'F2C_ARTIFACT_UNKNOWN',
  });
  const reads = vi.spyOn(server.store, 'load');
  await expect(loaded.load(unknown, 'a')).rejects.toMatchObject({ code: 'F2C_ARTIFACT_UNKNOWN' });
  expect(reads).toHaveBeenCalledTimes(1);
  reads.mockRestore();
});

test('those that were asked for last are kept', async () => {
  const manifests = await Promise.all(Array.from({ length: 65 }, (_, i) => committed(`many-${i}`)));
  const [first, second, last, ...others] = manifests as [Manifest, Manifest, Manifest, ...Manifest[]];
  const loaded = new LoadedManifests(server.store);
  for (const manifest of [first, second, ...others, first, last]) await loaded.load(manifest, 'a');
  const reads = vi.spyOn(server.store, 'load');
  await loaded.load(first, 'a');
  expect(reads).toHaveBeenCalledTimes(0);
  await loaded.load(second, 'a');
  expect(reads).toHaveBeenCalledTimes(1);
  reads.mockRestore();
});
