import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { contentKey } from './canonical.ts';
import { datasetDraft, datasetParts, madeByRun } from './draft.fixture.ts';
import type { Manifest } from './manifest.ts';
import { type ArtifactStore, type Draft, manifestKey } from './store.ts';

let server: TestStore;
let store: ArtifactStore;
beforeAll(async () => {
  server = await startTestStore();
  store = server.store;
});
afterAll(() => server.stop());

/** A dataset of its own for each test. */
function draftOf(source: string, changes: Partial<Draft> = {}): Draft {
  return datasetDraft({ ...changes, from: { ...datasetParts, params: { source } } });
}

async function alter(manifest: Manifest, change: (stored: Manifest) => unknown): Promise<void> {
  const path = manifestKey(manifest.kind, manifest.key);
  await store.bucket.write(path, JSON.stringify(change(structuredClone(manifest))));
}

describe('commit', () => {
  test('makes an artifact that is found by kind and key', async () => {
    const draft = draftOf('committed');
    expect(await store.find('dataset', draft.key)).toBeUndefined();
    const { manifest, created } = await store.commit(draft);
    expect(created).toBe(true);
    expect(manifest).toEqual({ ...draft, digest: manifest.digest });
    expect(await store.get('dataset', draft.key)).toEqual(manifest);
    expect(await store.load(manifest)).toEqual(manifest);
    expect(await store.find('model', draft.key)).toBeUndefined();
  });

  test('of sixteen writers one wins and all others adopt its manifest', async () => {
    const drafts = Array.from({ length: 16 }, (_, i) => draftOf('raced', { madeBy: madeByRun(`run-${i}`) }));
    const ends = await Promise.all(drafts.map((draft) => store.commit(draft)));
    expect(ends.filter(({ created }) => created)).toHaveLength(1);
    const winner = ends.find(({ created }) => created)?.manifest;
    for (const { manifest } of ends) expect(manifest).toEqual(winner);
    expect(await store.get('dataset', contentKey(drafts[0]?.from ?? datasetParts))).toEqual(winner);
  });

  test('the same commit sent twice is the caller´s own both times', async () => {
    const draft = draftOf('twice');
    await store.commit(draft);
    expect((await store.commit(draft)).created).toBe(true);
  });

  test('replaces the manifest it is given the etag of', async () => {
    const { manifest } = await store.commit(draftOf('replaced'));
    const stored = await store.read('dataset', manifest.key);
    const again = await store.commit(draftOf('replaced', { facts: { identities: 41 } }), stored?.etag);
    expect(again.created).toBe(true);
    expect((await store.get('dataset', manifest.key)).facts).toEqual({ identities: 41 });
    await expect(store.load(manifest)).rejects.toMatchObject({
      code: 'F2C_ARTIFACT_UNKNOWN',
      message:
        `The dataset ${manifest.key.slice(0, 8)}… was made again since and has another content: ` +
        `${again.manifest.digest.slice(0, 8)}… instead of ${manifest.digest.slice(0, 8)}…. ` +
        '`npx f2c artifact list` shows those that exist.',
    });
  });

  test('adopts what another one has put there since the etag', async () => {
    await store.commit(draftOf('outdated'));
    const stored = await store.read('dataset', draftOf('outdated').key);
    const first = await store.commit(draftOf('outdated', { madeBy: madeByRun('first') }), stored?.etag);
    const second = await store.commit(draftOf('outdated', { madeBy: madeByRun('second') }), stored?.etag);
    expect(first.created).toBe(true);
    expect(second).toEqual({ manifest: first.manifest, created: false });
  });

  test('writes over a manifest that was altered', async () => {
    const { manifest } = await store.commit(draftOf('healed'));
    await alter(manifest, (stored) => ({ ...stored, facts: {} }));
    expect((await store.commit(draftOf('healed', { madeBy: madeByRun('healer') }))).created).toBe(true);
    expect((await store.get('dataset', manifest.key)).madeBy.run).toBe('healer');
  });

  test.each([
    ['a key that is not the content key', { key: 'a'.repeat(64) }],
    [
      'a path that leads out of the artifact',
      { files: { 'a/../../b': { digest: 'a'.repeat(64), size: 1 } } },
    ],
    ['an absolute path', { files: { '/etc/passwd': { digest: 'a'.repeat(64), size: 1 } } }],
    ['a metric that is not a number', { metrics: { loss: Number.NaN } }],
  ])('refuses %s', async (_name, changes) => {
    await expect(store.commit({ ...draftOf('refused'), ...changes })).rejects.toThrow();
    expect(await store.find('dataset', draftOf('refused').key)).toBeUndefined();
  });
});

describe('an altered manifest', () => {
  test.each<[string, (stored: Manifest) => unknown]>([
    ['its digest does not fit its content', (stored) => ({ ...stored, facts: { identities: 4000 } })],
    [
      'its key does not follow from what it was made from',
      (stored) => ({ ...stored, from: { ...stored.from, version: 9 } }),
    ],
    ['it is of another artifact', (stored) => ({ ...stored, kind: 'model' })],
    ['madeBy: Invalid input: expected object, received undefined', ({ madeBy: _, ...rest }) => rest],
  ])('is refused: %s', async (why, change) => {
    const { manifest } = await store.commit(draftOf(`altered: ${why}`));
    await alter(manifest, change);
    await expect(store.get('dataset', manifest.key)).rejects.toMatchObject({
      code: 'F2C_BLOB_CORRUPT',
      message:
        `The manifest of dataset ${manifest.key} was altered: ${why}. ` +
        'Run the pipeline again; the step that made it notices and makes it anew.',
    });
    const { etag } = (await store.read('dataset', manifest.key)) ?? {};
    await store.replace(manifest, etag ?? '');
    expect(await store.get('dataset', manifest.key)).toEqual(manifest);
  });

  test('is refused when it is cut off', async () => {
    const { manifest } = await store.commit(draftOf('cut off'));
    await store.bucket.write(manifestKey('dataset', manifest.key), '{"kind":"data');
    await expect(store.find('dataset', manifest.key)).rejects.toMatchObject({
      parts: { what: `The manifest of dataset ${manifest.key} was altered: it is not JSON` },
    });
    await store.commit(draftOf('cut off'));
  });
});

describe('finding by a part of the key', () => {
  test('six digits do, of a kind or of any', async () => {
    const { manifest } = await store.commit(draftOf('resolved'));
    const prefix = manifest.key.slice(0, 6);
    expect(await store.resolve('dataset', prefix)).toEqual(manifest);
    expect(await store.resolve(undefined, prefix)).toEqual(manifest);
    expect(await store.resolve('dataset', manifest.key)).toEqual(manifest);
    await expect(store.resolve('model', prefix)).rejects.toMatchObject({
      code: 'F2C_ARTIFACT_UNKNOWN',
      message: `No model has a key that begins with ${prefix}. \`npx f2c artifact list\` shows the keys; a digest is not a key.`,
    });
  });

  test.each(['12345', 'xyzxyz', '../../'])('%s is not a key', async (prefix) => {
    await expect(store.resolve(undefined, prefix)).rejects.toMatchObject({
      code: 'F2C_ARTIFACT_UNKNOWN',
      message: `"${prefix}" is not the key of an artifact. Give its first six hex digits or more; \`npx f2c artifact list\` shows the keys.`,
    });
  });

  test('a part that fits several is refused with all of them', async () => {
    const { manifest } = await store.commit(draftOf('ambiguous'));
    const twin = manifestKey('model', manifest.key);
    await store.bucket.write(twin, '{}');
    const [prefix, longer] = [manifest.key.slice(0, 8), manifest.key.slice(0, 14)];
    await expect(store.resolve(undefined, prefix)).rejects.toMatchObject({
      message: `More than one artifact begins with ${prefix}: dataset ${longer}…, model ${longer}…. Give more digits.`,
    });
  });
});

test('an artifact that is not there is named', async () => {
  const key = 'e'.repeat(64);
  await expect(store.get('report', key)).rejects.toMatchObject({
    code: 'F2C_ARTIFACT_UNKNOWN',
    message: `There is no report ${key}. \`npx f2c artifact list\` shows those that exist.`,
  });
});

test('the list has every artifact of a kind once, by key', async () => {
  const made = [];
  for (const source of ['listed 1', 'listed 2']) {
    const from = { ...datasetParts, step: 'index', params: { source } };
    made.push((await store.commit(datasetDraft({ kind: 'index', from }))).manifest);
  }
  const listed: Manifest[] = [];
  for await (const manifest of store.list('index')) listed.push(manifest);
  expect(listed).toEqual(made.sort((a, b) => (a.key < b.key ? -1 : 1)));
});
