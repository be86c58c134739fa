import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ArtifactKind } from '../language/contract/step.ts';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { datasetDraft } from './draft.fixture.ts';
import { ancestor, describe } from './lineage.ts';
import type { ArtifactRef, KeyParts, Manifest } from './manifest.ts';
import { type ArtifactStore, manifestKey } from './store.ts';

let server: TestStore;
let store: ArtifactStore;
beforeAll(async () => {
  server = await startTestStore();
  store = server.store;
});
afterAll(() => server.stop());

const refOf = ({ kind, key, digest }: Manifest): ArtifactRef => ({ kind, key, digest });

async function make(
  kind: ArtifactKind,
  step: string,
  inputs: Record<string, Manifest | Manifest[]>,
  params: KeyParts['params'] = {},
): Promise<Manifest> {
  const refs = Object.entries(inputs).map(([name, made]): [string, ArtifactRef | ArtifactRef[]] => [
    name,
    Array.isArray(made) ? made.map(refOf) : refOf(made),
  ]);
  const digests = Object.fromEntries(
    refs.map(([name, ref]) => [name, Array.isArray(ref) ? ref.map(({ digest }) => digest) : ref.digest]),
  );
  const from = { step, version: 1, params, inputs: digests };
  const madeBy = { ...datasetDraft().madeBy, step };
  const draft = datasetDraft({
    kind,
    from,
    madeBy,
    inputs: Object.fromEntries(refs),
    facts: { kind, ...params },
  });
  return (await store.commit(draft)).manifest;
}

async function makeAll() {
  const { manifest: dataset } = await store.commit(
    datasetDraft({ files: { 'instances.parquet': await store.putBlob(Buffer.from('rows')) } }),
  );
  const index = await make('index', 'index', { dataset });
  const checkpoint = await make('checkpoint', 'train', { index });
  const model = await make('model', 'export', { checkpoint });
  const report = await make('report', 'evaluate', { index, model });
  const pixels = await make('report', 'evaluate', { index }, { embedding: 'pixels' });
  const table = await make('report', 'compare', { reports: [report, pixels] });
  return { dataset, index, checkpoint, model, report, pixels, table };
}

test('the nearest artifact of a kind is found, however far back', async () => {
  const made = await makeAll();
  expect(await ancestor(store, made.model, 'checkpoint')).toEqual(made.checkpoint);
  expect(await ancestor(store, made.model, 'dataset')).toEqual(made.dataset);
  expect(await ancestor(store, made.table, 'dataset')).toEqual(made.dataset);
  expect(await ancestor(store, made.table, 'report')).toEqual(made.report);
});

test('an artifact that was not made from such a kind is an error', async () => {
  const { index } = await makeAll();
  await expect(ancestor(store, index, 'model')).rejects.toMatchObject({
    code: 'F2C_ARTIFACT_UNKNOWN',
    message: `The index ${index.key.slice(0, 8)}… was not made from any model.`,
  });
});

test('the description shows what an artifact is and the whole way back', async () => {
  const made = await makeAll();
  const s = (manifest: Manifest) => `${manifest.key.slice(0, 8)}…`;
  expect(await describe(store, made.table)).toBe(`report ${made.table.key}
digest    ${made.table.digest}
made by   compare v1, run run-1, 2026-01-02T03:04:05.000Z, code cccccccc…
facts
  kind: "report"
metrics
  instances: 400
measured
  seconds: 1.5
files     0, 0 bytes
made from
  report ${s(made.report)} made by evaluate v1, run run-1
    index ${s(made.index)} made by index v1, run run-1
      dataset ${s(made.dataset)} made by ingest v1, run run-1
        the source as of ffffffff…
    model ${s(made.model)} made by export v1, run run-1
      checkpoint ${s(made.checkpoint)} made by train v1, run run-1
        index ${s(made.index)} as above
  report ${s(made.pixels)} made by evaluate v1, run run-1
    index ${s(made.index)} as above
`);
});

test('the description lists params and files, and names what is gone', async () => {
  const { dataset, index } = await makeAll();
  expect(await describe(store, dataset)).toContain(`params
  imageSize: 112
  source: "/faces"
facts
  identities: 40
metrics
  instances: 400
measured
  seconds: 1.5
files     1, 4 bytes
  ${dataset.files['instances.parquet']?.digest.slice(0, 8)}…            4  instances.parquet
made from
  the source as of ffffffff…
`);
  await store.bucket.s3.send(
    new DeleteObjectCommand({ Bucket: 'f2c', Key: manifestKey('dataset', dataset.key) }),
  );
  expect(await describe(store, index)).toContain(
    `made from\n  dataset ${dataset.key.slice(0, 8)}… no longer there\n`,
  );
  await expect(ancestor(store, index, 'dataset')).rejects.toMatchObject({ code: 'F2C_ARTIFACT_UNKNOWN' });
});
