import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { contentKey } from './canonical.ts';
import { datasetDraft, datasetParts, madeByRun } from './draft.fixture.ts';
import { type Force, lookUp as lookUpWithCode } from './lookup.ts';
import { type BlobRef, blobKey, effectOf, type KeyParts } from './manifest.ts';
import { type ArtifactStore, manifestKey } from './store.ts';

let server: TestStore;
let store: ArtifactStore;
beforeAll(async () => {
  server = await startTestStore();
  store = server.store;
});
afterAll(() => server.stop());

const code = 'c'.repeat(64);
const partsOf = (source: string): KeyParts => ({ ...datasetParts, params: { source, imageSize: 112 } });
const placeOf = (instance: string) => ({ pipeline: 'retrain', instance });
const lookUp = (parts: KeyParts, instance: string) =>
  lookUpWithCode(store, 'dataset', parts, placeOf(instance), code);

async function remove(blob: BlobRef): Promise<void> {
  await store.bucket.s3.send(new DeleteObjectCommand({ Bucket: 'f2c', Key: blobKey(blob.digest) }));
}

test('what was never asked for is a miss that says so, and a hit once it is made', async () => {
  const parts = partsOf('first');
  const key = contentKey(parts);
  expect(await lookUp(parts, 'first')).toEqual({ key, reason: 'miss: first time here' });
  const { manifest } = await store.commit(datasetDraft({ from: parts }));
  expect(await lookUp(parts, 'first')).toEqual({
    key,
    reason: 'hit: made by run run-1 at 2026-01-02T03:04:05.000Z',
    hit: manifest,
  });
});

test('a miss says what changed since something was made at this place', async () => {
  const parts = partsOf('changing');
  const ask = async (imageSize: number, more: Partial<KeyParts> = {}) => {
    const changed = { ...parts, params: { ...parts.params, imageSize }, ...more };
    return (await lookUp(changed, 'changing')).reason;
  };
  await ask(112);
  expect(await ask(128)).toBe('miss: nothing was made here yet; since the last try imageSize 112 -> 128');
  expect(await ask(128)).toBe('miss: nothing was made here yet');
  await store.commit(datasetDraft({ from: { ...parts, params: { ...parts.params, imageSize: 128 } } }));
  const fingerprint = 'e'.repeat(64);
  expect(await ask(128, { fingerprint })).toBe('miss: the source changed');
  // Those are two tries that make nothing.
  expect(await ask(96)).toBe('miss: imageSize 128 -> 96; the last try here has made nothing');
  expect(await ask(96)).toBe('miss: imageSize 128 -> 96; the last try here has made nothing');
  expect(await ask(128)).toMatch(/^hit: /);
  expect(await ask(64)).toBe('miss: imageSize 128 -> 64');
  expect((await lookUp(parts, 'another place')).reason).toBe('miss: first time here');
});

test('what was made at a place and is gone is told as that', async () => {
  const [parts, other] = [partsOf('gone'), partsOf('other')];
  const { manifest } = await store.commit(datasetDraft({ from: parts }));
  await lookUp(parts, 'gone');
  await lookUp(other, 'gone');
  const Key = manifestKey('dataset', manifest.key);
  await store.bucket.s3.send(new DeleteObjectCommand({ Bucket: 'f2c', Key }));
  expect((await lookUp(parts, 'gone')).reason).toBe(
    'miss: nothing changed, but what was made is gone; the last try here has made nothing',
  );
});

test('a changed input is named by its digests', async () => {
  const [a, b] = ['3f2a0000'.padEnd(64, '0'), '91bc0000'.padEnd(64, '0')];
  await lookUp({ ...partsOf('input'), inputs: { dataset: a } }, 'input');
  const { reason } = await lookUp({ ...partsOf('input'), inputs: { dataset: b } }, 'input');
  expect(reason).toContain('; since the last try input dataset changed (3f2a0000… -> 91bc0000…)');
});

test('who only wants to know is told the same, and the place remembers nothing of it', async () => {
  const parts = partsOf('asked');
  const ask = (now: KeyParts) =>
    lookUpWithCode(store, 'dataset', now, placeOf('asked'), code, { remember: false });
  expect((await ask(parts)).reason).toBe('miss: first time here');
  expect((await lookUp(parts, 'asked')).reason).toBe('miss: first time here');
  const changed = { ...parts, params: { ...parts.params, imageSize: 128 } };
  for (const { reason } of [await ask(changed), await lookUp(changed, 'asked')]) {
    expect(reason).toBe('miss: nothing was made here yet; since the last try imageSize 112 -> 128');
  }
});

test('what is forced is made anew although it is there, and once it is made anew it is a hit', async () => {
  const parts = partsOf('forced');
  const ask = (force: Force) => lookUpWithCode(store, 'dataset', parts, placeOf('forced'), code, { force });
  const nothing = await ask({});
  expect(nothing).toMatchObject({ reason: 'miss: first time here' });
  expect(nothing.repair).toBeUndefined();

  await store.commit(datasetDraft({ from: parts }));
  const forced = await ask({});
  expect(forced.reason).toBe('forced: is there, made by run run-1 at 2026-01-02T03:04:05.000Z');
  expect(forced.hit).toBeUndefined();
  const { repair: replaces = '' } = forced;
  expect(await ask({ replaces })).toEqual(forced);

  await store.commit(datasetDraft({ from: parts, madeBy: madeByRun('run-2') }), replaces);
  const again = await ask({ replaces });
  expect(again.hit?.madeBy.run).toBe('run-2');
  expect(again.repair).toBeUndefined();
});

test('a hit made by other code says so', async () => {
  const parts = partsOf('other code');
  await store.commit(datasetDraft({ from: parts }));
  const answer = await lookUpWithCode(store, 'dataset', parts, placeOf('other code'), 'd'.repeat(64));
  expect(answer.hit).toBeDefined();
  expect(answer.reason).toBe(
    'hit: made by run run-1 at 2026-01-02T03:04:05.000Z, by other code (cccccccc… -> dddddddd…)',
  );
});

test('an artifact with lost blobs is a miss, and is replaced by what is made then', async () => {
  const parts = partsOf('lost blobs');
  const files = {
    'shards/0.tar': await store.putBlob(Buffer.from('shard 0')),
    'shards/1.tar': await store.putBlob(Buffer.from('shard 1')),
    'copy.tar': await store.putBlob(Buffer.from('shard 0')),
  };
  await store.commit(datasetDraft({ from: parts, files }));
  await remove(files['shards/0.tar']);
  const digest = files['shards/0.tar'].digest.slice(0, 8);
  const miss = await lookUp(parts, 'lost blobs');
  expect(miss).toMatchObject({ reason: `miss: blob ${digest}… of dataset is gone` });
  expect(miss.hit).toBeUndefined();
  await remove(files['shards/1.tar']);
  expect((await lookUp(parts, 'lost blobs')).reason).toBe(
    `miss: blob ${digest}… and 1 more of dataset are gone`,
  );

  await store.putBlob(Buffer.from('new shard'));
  const remade = datasetDraft({ from: parts, files: {}, madeBy: madeByRun('repairer') });
  expect((await store.commit(remade, miss.repair)).created).toBe(true);
  expect((await lookUp(parts, 'lost blobs')).hit?.madeBy.run).toBe('repairer');
});

test('an altered manifest is a miss, and is replaced by what is made then', async () => {
  const parts = partsOf('altered');
  const { manifest } = await store.commit(datasetDraft({ from: parts }));
  await store.bucket.write(manifestKey('dataset', manifest.key), JSON.stringify({ ...manifest, facts: {} }));
  const miss = await lookUp(parts, 'altered');
  expect(miss.reason).toBe('miss: the manifest of dataset was altered');
  await store.commit(datasetDraft({ from: parts, madeBy: madeByRun('repairer') }), miss.repair);
  expect((await lookUp(parts, 'altered')).hit?.madeBy.run).toBe('repairer');
});

test('places are kept apart whatever their names are', async () => {
  const names = [
    'train[poolRatio=0.1,head=dcp]',
    'train[poolRatio=0.1,head=fc]',
    'a/b',
    'a%2Fb',
    '..',
    'ä ö?&#',
    `long ${'ü'.repeat(300)} 1`,
    `long ${'ü'.repeat(300)} 2`,
  ];
  for (const name of names) expect((await lookUp(partsOf(name), name)).reason).toBe('miss: first time here');
  for (const name of names) {
    expect((await lookUp(partsOf(name), name)).reason).toBe('miss: nothing was made here yet');
  }
});

test('who remembers hits alone leaves nothing behind where nothing is there', async () => {
  const ask = async (parts: KeyParts) => {
    const { reason } = await lookUpWithCode(store, 'dataset', parts, placeOf('ahead'), code, {
      remember: 'hits',
    });
    return reason;
  };
  const [first, second] = [partsOf('ahead'), partsOf('behind')];
  for (let time = 0; time < 2; time++) expect(await ask(first)).toBe('miss: first time here');
  await store.commit(datasetDraft({ from: first }));
  expect(await ask(first)).toMatch(/^hit: /);
  for (let time = 0; time < 2; time++) expect(await ask(second)).toBe('miss: source "ahead" -> "behind"');
});

test('a place whose record is not readable counts as new', async () => {
  await store.bucket.write('places/retrain/broken.json', '{"step":');
  expect((await lookUp(partsOf('broken'), 'broken')).reason).toBe('miss: first time here');
});

test('a step with effects is made once in a run, and by every run and every instance', async () => {
  const partsOfRun = (run: string, execution = 'a', step = 'told') => ({
    ...partsOf('told'),
    fingerprint: effectOf({ run, execution, step }),
  });
  const first = partsOfRun('run-1');
  expect((await lookUp(first, 'told')).reason).toBe('miss: has effects, so every run does it');
  await store.commit(datasetDraft({ key: contentKey(first), from: first }));
  expect(await lookUp(first, 'told')).toHaveProperty('hit');
  for (const other of [partsOfRun('run-2'), partsOfRun('run-1', 'b'), partsOfRun('run-1', 'a', 'too')]) {
    expect((await lookUp(other, 'told')).reason).toBe('miss: has effects, so every run does it');
  }
});
