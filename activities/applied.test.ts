import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { appliedNames, appliedVersions, applyPipeline, latestApplied } from './applied.ts';
import { findPipeline } from './pipelines.ts';

let server: TestStore;
beforeAll(async () => {
  server = await startTestStore();
});
afterAll(() => server.stop());

const apply = (name: string, text: string) =>
  applyPipeline(server.store, { name, summary: 'A pipeline', by: 'ann@home', text });

describe('a pipeline that is applied', () => {
  it('gets a version for every change, and the old ones stay', async () => {
    expect(await latestApplied(server.store, 'mine')).toBeUndefined();
    expect(await apply('mine', 'one')).toMatchObject({
      created: true,
      applied: { name: 'mine', version: 1, summary: 'A pipeline', by: 'ann@home' },
    });
    expect(await apply('mine', 'one')).toMatchObject({ created: false, applied: { version: 1 } });
    expect(await apply('mine', 'two')).toMatchObject({ created: true, applied: { version: 2 } });
    // Going back is a change as well.
    expect(await apply('mine', 'one')).toMatchObject({ created: true, applied: { version: 3 } });
    await apply('mine-too', 'other');
    const versions = await appliedVersions(server.store, 'mine');
    expect(versions.map(({ version }) => version)).toEqual([1, 2, 3]);
    expect(await appliedNames(server.store)).toEqual(['mine', 'mine-too']);
    for (const [reference, text] of Object.entries({ mine: 'one', 'mine@2': 'two', 'mine@1': 'one' }))
      expect((await findPipeline(server.store, reference)).text).toBe(text);
    expect((await findPipeline(server.store, 'mine')).file).toBe('mine@3');
  });

  it('loses no version of several who apply at once', async () => {
    const texts = ['a', 'b', 'c', 'd'];
    await Promise.all(texts.map((text) => apply('racing', text)));
    const versions = await appliedVersions(server.store, 'racing');
    expect(versions.map(({ version }) => version)).toEqual([1, 2, 3, 4]);
    expect(new Set(versions.map(({ digest }) => digest)).size).toBe(4);
  });

  it('wins over a shipped one of the same name', async () => {
    expect((await findPipeline(server.store, 'weekly')).file).toBe('pipelines/weekly.yaml');
    await apply('weekly', 'my own');
    expect(await findPipeline(server.store, 'weekly')).toMatchObject({ text: 'my own', file: 'weekly@1' });
  });

  it.each([
    ['mien', 'No pipeline is named "mien". Did you mean "mine"?'],
    ['mine@7', 'The pipeline mine has no version 7. It has 1 to 3: `npx f2c pipelines mine` shows them.'],
    [
      'quickstart@1',
      'The pipeline quickstart has no version 1. None was applied: `npx f2c pipelines` shows what there is.',
    ],
  ])('is not found as %s', async (reference, message) => {
    await expect(findPipeline(server.store, reference)).rejects.toMatchObject({
      code: 'F2C_PIPELINE_UNKNOWN',
      message,
    });
  });

  it('whose record was altered is told as that', async () => {
    await server.store.bucket.write('pipelines/altered/000001.json', '{}');
    await expect(latestApplied(server.store, 'altered')).rejects.toMatchObject({ code: 'F2C_BLOB_CORRUPT' });
  });
});
