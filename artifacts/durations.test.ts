import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { datasetDraft, datasetParts } from './draft.fixture.ts';
import { Durations } from './durations.ts';
import { lookUp } from './lookup.ts';

let server: TestStore;
beforeAll(async () => {
  server = await startTestStore();
});
afterAll(() => server.stop());

const place = { pipeline: 'retrain', instance: 'faces' };

test('a step takes as long as the last time at its place, else as long as others of its kind', async () => {
  const { store } = server;
  const estimate = () => new Durations(store).estimate('dataset', 'ingest', place);
  expect(await estimate()).toBeUndefined();

  const partsOf = (source: string) => ({ ...datasetParts, params: { source } });
  for (const [source, seconds] of Object.entries({ a: 10, b: 20, c: 90 })) {
    await store.commit(datasetDraft({ from: partsOf(source), measured: { seconds } }));
  }
  await store.commit(datasetDraft({ from: partsOf('d'), measured: {} }));
  expect(await estimate()).toEqual({ seconds: 20, from: 'kind' });
  expect(await new Durations(store).estimate('dataset', 'other', place)).toBeUndefined();

  await lookUp(store, 'dataset', partsOf('c'), place, 'code');
  expect(await estimate()).toEqual({ seconds: 90, from: 'place' });
  await lookUp(store, 'dataset', partsOf('never made'), place, 'code');
  expect(await estimate()).toEqual({ seconds: 90, from: 'place' });
});
