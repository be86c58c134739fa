import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentKey } from '../../artifacts/canonical.ts';
import type { KeyParts, Manifest } from '../../artifacts/manifest.ts';
import type { Draft } from '../../artifacts/store.ts';
import { startTestStore, type TestStore } from '../../test/support/store.ts';
import type { VerificationReport } from '../evaluate/report.ts';
import type { StepContext } from '../step.ts';
import { runCompare } from './activity.ts';
import { reportOf } from './testdata/measurement.ts';

let server: TestStore;
let folder: string;
let step: StepContext;
beforeAll(async () => {
  server = await startTestStore();
  await server.store.ensureBucket();
  folder = await mkdtemp(join(tmpdir(), 'f2c-compare-'));
  step = {
    key: '0'.repeat(64),
    run: 'test',
    pipeline: 'test',
    instance: 'table',
    written: {},
    store: server.store,
    workDir: folder,
    processes: 1,
    signal: new AbortController().signal,
    log: pino({ level: 'silent' }),
    open: async (artifact, file) => {
      const blob = artifact.files[file];
      if (blob === undefined) throw new Error(`no file ${file}`);
      const path = join(folder, blob.digest);
      await server.store.downloadBlob(blob, path);
      return path;
    },
    link: async () => undefined,
    cacheBytes: Number.POSITIVE_INFINITY,
    progress: () => undefined,
  };
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

/** Commits an artifact as the runner does. */
async function commit(name: string, parts: Pick<Draft, 'kind'> & Partial<Draft>): Promise<Manifest> {
  const from: KeyParts = { step: parts.kind, version: 1, params: { name }, inputs: {} };
  const { manifest } = await server.store.commit({
    key: contentKey(from),
    files: {},
    facts: {},
    metrics: {},
    measured: {},
    madeBy: { step: parts.kind, version: 1, code: '0', run: 'test', at: '2026-01-01T00:00:00.000Z' },
    from,
    inputs: {},
    ...parts,
  });
  return manifest;
}

function refTo({ kind, key, digest }: Manifest) {
  return { kind, key, digest };
}

async function commitReport(report: VerificationReport, model?: Manifest): Promise<Manifest> {
  const blob = await server.store.putBlob(Buffer.from(JSON.stringify(report)));
  return await commit(`report ${report.label} ${report.benchmark}`, {
    kind: 'report',
    files: { 'report.json': blob },
    inputs: model === undefined ? {} : { model: refTo(model) },
  });
}

/** A checkpoint and the model exported from it. */
async function commitModel(
  name: string,
  facts: Manifest['facts'],
  trainingSeconds: number,
): Promise<Manifest> {
  const checkpoint = await commit(name, { kind: 'checkpoint', facts, measured: { trainingSeconds } });
  return await commit(name, { kind: 'model', inputs: { checkpoint: refTo(checkpoint) } });
}

describe('compare', () => {
  it('puts reports beside what their trainings cost', async () => {
    const dcp = await commitModel(
      'dcp',
      { headBytes: 28_672, poolSlots: 28, identities: 30, images: 9000 },
      23,
    );
    const fc = await commitModel(
      'fc',
      { headBytes: 15_360, poolSlots: null, identities: 30, images: 9000 },
      20,
    );
    const reports = [
      await commitReport(reportOf({ label: 'pixels', accuracy: 0.99 })),
      await commitReport(reportOf({ label: 'fc', accuracy: 0.94, eer: 0.08 }), fc),
      await commitReport(reportOf({ label: 'dcp', accuracy: 0.93, eer: 0.07 }), dcp),
    ];
    const made = await runCompare.work({ reports, by: 'accuracy' }, step);
    expect(made.metrics).toEqual({ best: 0.94 });
    expect(made.facts).toEqual({ by: 'accuracy', best: 'fc', labels: ['pixels', 'fc', 'dcp'], reports: 3 });
    expect(String(made.files['comparison.md'])).toBe(
      [
        '| Label  | Accuracy |   EER | TAR@FAR 1e-2 | Training | Head memory |',
        '| ------ | -------: | ----: | -----------: | -------: | ----------: |',
        '| pixels |    0.990 | 0.100 |        0.500 |        – |           – |',
        '| fc     |    0.940 | 0.080 |        0.500 |     20 s |    15.0 KiB |',
        '| dcp    |    0.930 | 0.070 |        0.500 |     23 s |    28.0 KiB |',
        '',
        'Only 10 people are held out: differences of a few points mean little.',
        '',
        'A pool of 28 slots for 30 training identities saves nothing: with so few identities this shows the path, not the scale: see `npm run bench -- head`.',
        '',
      ].join('\n'),
    );
    const json = JSON.parse(String(made.files['comparison.json']));
    expect(json).toMatchObject({ comparisonVersion: 1, by: 'accuracy', best: 'fc' });
    expect(json.rows[2]).toMatchObject({ label: 'dcp', trainingSeconds: 23, headBytes: 28_672 });
    expect(json.notes).toHaveLength(2);

    const byEer = await runCompare.work({ reports, by: 'eer' }, step);
    expect(byEer.metrics).toEqual({ best: 0.07 });
    expect(byEer.facts.best).toBe('dcp');
  });

  it('refuses nothing, and reports that hold no measurement', async () => {
    const fix = 'Give `reports` those of `evaluate` steps: "${{ steps.<evaluate step>.*.report }}".';
    await expect(runCompare.work({ reports: [], by: 'eer' }, step)).rejects.toMatchObject({
      code: 'F2C_REPORTS_DIFFER',
      message: `There is no report to compare (compare). ${fix}`,
    });
    const comparison = await commit('comparison', { kind: 'report' });
    await expect(runCompare.work({ reports: [comparison], by: 'eer' }, step)).rejects.toThrow(
      `The report ${comparison.key.slice(0, 12)} made by report holds no measurement (compare). ${fix}`,
    );
  });
});
