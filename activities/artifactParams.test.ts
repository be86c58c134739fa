import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contentKey } from '../artifacts/canonical.ts';
import { datasetDraft, datasetParts } from '../artifacts/draft.fixture.ts';
import { blobKey } from '../artifacts/manifest.ts';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { planRun } from './reuse.ts';

let server: TestStore;
let digest: string;
beforeAll(async () => {
  server = await startTestStore();
  ({ digest } = await server.store.putBlob(Buffer.from(pipeline)));
});
afterAll(() => server.stop());

const pipeline = `
name: begins
summary: Begins with a dataset that is in the store
params: { faces: { type: artifact, kind: dataset } }
steps: { people: { uses: index, with: { dataset: "\${{ params.faces }}" } } }
`;

const planWith = (faces: string) =>
  planRun(server.store, { pipeline: `sha256:${digest}`, params: { faces } });

function made(source: string, changes: object = {}) {
  const from = { ...datasetParts, params: { source } };
  return server.store.commit(datasetDraft({ from, ...changes }));
}

it('a run is about the very artifact that the beginning of a key names', async () => {
  const { manifest } = await made('/a');
  const { kind, key, digest } = manifest;
  const plan = await planWith(key.slice(0, 12));
  expect(plan.artifacts).toEqual({ faces: { kind, key, digest } });
  expect(plan.params).toEqual({ faces: key });
});

it('what names no such artifact is told', async () => {
  const { manifest: report } = await made('/report', { kind: 'report' });
  const blob = await server.store.putBlob(Buffer.from('an image'));
  const { manifest: damaged } = await made('/damaged', { files: { 'a.jpg': blob } });
  await server.store.bucket.s3.send(new DeleteObjectCommand({ Bucket: 'f2c', Key: blobKey(blob.digest) }));
  const unknown = contentKey({ ...datasetParts, version: 9 });
  for (const [key, fault] of [
    [unknown, `No artifact has a key that begins with ${unknown}`],
    [report.key, `${report.key} is a report, not a dataset`],
    [damaged.key, `${damaged.key} is a dataset that is damaged: its files are gone from the store`],
  ] as const) {
    const refused = await planWith(key).catch((error: Error) => error);
    expect(refused).toMatchObject({ code: 'F2C_PARAMS_INVALID' });
    expect((refused as Error).message).toContain(`\`faces\`: ${fault}`);
  }
});

it('a key that does not tell what is meant is told', async () => {
  const { manifest } = await made('/alike');
  await made('/alike', { kind: 'report' });
  const key = manifest.key.slice(0, 12);
  await expect(planWith(key)).rejects.toThrow(`\`faces\`: More than one artifact begins with ${key}`);
});
