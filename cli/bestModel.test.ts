import { afterAll, beforeAll, expect, it } from 'vitest';
import { contentKey } from '../artifacts/canonical.ts';
import type { ArtifactRef, Manifest } from '../artifacts/manifest.ts';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import type { RunState } from '../workflows/runTypes.ts';
import { bestModel } from './bestModel.ts';

let server: TestStore;
beforeAll(async () => {
  server = await startTestStore();
  await server.store.ensureBucket();
});
afterAll(() => server.stop());

type Parts = Pick<Manifest, 'kind'> & Partial<Pick<Manifest, 'facts' | 'metrics' | 'inputs'>>;

async function commit(name: string, parts: Parts): Promise<ArtifactRef> {
  const from = { step: parts.kind, version: 1, params: { name }, inputs: {} };
  const madeBy = { step: parts.kind, version: 1, code: '', run: 'r', at: '' };
  const draft = {
    key: contentKey(from),
    files: {},
    facts: {},
    metrics: {},
    measured: {},
    inputs: {},
    from,
    madeBy,
  };
  const { manifest } = await server.store.commit({ ...draft, ...parts });
  return { kind: manifest.kind, key: manifest.key, digest: manifest.digest };
}

/** A model and the report on it. */
async function model(name: string, images: number, accuracy: number, label = name) {
  const checkpoint = await commit(name, { kind: 'checkpoint', facts: { images } });
  const model = await commit(name, { kind: 'model', inputs: { checkpoint } });
  const report = await commit(name, {
    kind: 'report',
    facts: { label },
    metrics: { accuracy },
    inputs: { model },
  });
  return { model, report };
}

const runOf = (...artifacts: [uses: string, artifact: ArtifactRef][]): RunState => ({
  pipeline: 'p',
  summary: 's',
  source: '',
  params: {},
  status: 'done',
  startedAt: 0,
  steps: artifacts.map(([uses, artifact], at) => ({
    id: `s${at}`,
    uses,
    status: 'done',
    attempts: 1,
    endedAt: at,
    artifact,
  })),
});

it('is the best one of a comparison, else the last one that was trained, else none', async () => {
  const [untrained, early, fold, other] = [
    await model('untrained', 0, 0.8),
    await model('early', 9_000, 0.9, 'dcp'),
    await model('fold', 9_000, 0.95, 'dcp'),
    await model('other', 9_000, 0.94),
  ];
  const reports = [untrained.report, early.report, fold.report, other.report];
  const comparison = await commit('table', {
    kind: 'report',
    facts: { by: 'accuracy', best: 'dcp' },
    inputs: { reports },
  });
  const models = [fold, early, other, untrained].map(
    ({ model }) => ['export', model] as [string, ArtifactRef],
  );
  const best = (...steps: [string, ArtifactRef][]) => bestModel(runOf(...steps), server.store);
  expect(await best(...models, ['compare', comparison])).toEqual(fold.model);
  expect(await best(...models)).toEqual(other.model);
  expect(await best(['export', untrained.model])).toBeUndefined();
  expect(await best()).toBeUndefined();

  const pixels = await commit('pixels', {
    kind: 'report',
    facts: { label: 'pixels' },
    metrics: { accuracy: 0.9 },
  });
  const baseline = await commit('baseline', {
    kind: 'report',
    facts: { by: 'accuracy', best: 'pixels' },
    inputs: { reports: [pixels] },
  });
  expect(await best(...models, ['compare', baseline])).toEqual(other.model);
  // The store has lost the checkpoint behind it: nothing is suggested, and nothing fails.
  const gone = { kind: 'checkpoint' as const, key: '1'.repeat(64), digest: '1'.repeat(64) };
  const orphan = await commit('orphan', { kind: 'model', inputs: { checkpoint: gone } });
  expect(await best(['export', orphan])).toBeUndefined();
});
