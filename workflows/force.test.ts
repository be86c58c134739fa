import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Manifest } from '../artifacts/manifest.ts';
import { root } from '../local/paths.ts';
import { f2c } from '../test/support/cli.ts';
import { trainersOf } from '../test/support/processes.ts';
import { eventually, stepOf } from '../test/support/runs.ts';
import { runs, stack, withStack } from '../test/support/served.ts';
import type { RunState } from './runTypes.ts';

vi.stubEnv('F2C_STEPS', join(root, 'test', 'steps'));

let source: string;
let first: RunState;

const yaml = `
name: forced
summary: Trains a small network for a moment
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }
  train:
    uses: train
    with: { index: "\${{ steps.people.index }}", head: fc, width: 0.25, embeddingSize: 32, identitiesPerStep: 10, instancesPerStep: 10, images: 300 }
  model: { uses: export, with: { checkpoint: "\${{ steps.train.checkpoint }}" } }
  pixels:
    uses: evaluate
    matrix: { seed: [1, 2] }
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: pixels, seed: "\${{ matrix.seed }}" }
`;

withStack();
beforeAll(async () => {
  source = `sha256:${(await runs.store.putBlob(Buffer.from(yaml))).digest}`;
  first = await runs.ended(await runs.startWith({ pipeline: source }));
}, 240_000);

/** What became of each step: "hit", "forced", "miss". */
const outcomes = ({ steps }: RunState) =>
  Object.fromEntries(steps.map(({ id, cache }) => [id, cache?.slice(0, cache.indexOf(':'))]));

async function artifactOf(state: RunState, id: string): Promise<Manifest> {
  const { artifact } = stepOf(state, id);
  if (artifact === undefined) throw new Error(`${id} has made nothing`);
  return runs.store.load(artifact);
}

describe('a run that forces steps', () => {
  it('runs them, replaces what they made, and reuses what depends on them where that is equal', async () => {
    expect(first.status).toBe('done');
    const handle = await runs.startWith({ pipeline: source, force: ['train', 'pixels[seed=2]'] });
    const state = await runs.ended(handle);
    expect(outcomes(state)).toEqual({
      faces: 'hit',
      people: 'hit',
      train: 'forced',
      model: 'hit',
      'pixels[seed=1]': 'hit',
      'pixels[seed=2]': 'forced',
    });
    for (const id of ['train', 'pixels[seed=2]']) {
      const made = await artifactOf(state, id);
      expect(made.madeBy.run).toBe(handle.workflowId);
      expect(made.digest).toBe(stepOf(first, id).artifact?.digest);
      expect(stepOf(state, id)).toMatchObject({ attempts: 1, forced: true });
    }
    // It did not just go on from the last checkpoint of the first training.
    const steps = (await artifactOf(state, 'train')).log?.['events.jsonl'];
    const events = steps && (await runs.store.readBlob(steps)).toString();
    expect(events?.match(/"event": ?"start"/g)).toHaveLength(1);
  }, 240_000);

  it('forces with `from` everything that depends on a step, and leaves out with `only` what it does not need', async () => {
    const state = await runs.ended(
      await runs.startWith({ pipeline: source, from: ['people'], only: ['pixels[seed=1]'] }),
    );
    expect(outcomes(state)).toEqual({ faces: 'hit', people: 'forced', 'pixels[seed=1]': 'forced' });
  }, 120_000);

  it.each([
    [
      { force: ['trian'] },
      'F2C_STEP_UNKNOWN',
      'The pipeline forced has no step "trian". Did you mean "train"?',
    ],
    [{ force: 'train' }, 'F2C_START_INVALID', '"force", "from" and "only" are lists of steps'],
  ])('fails at once when it is started with %j', async (selection, code, text) => {
    const state = await runs.ended(await runs.startWith({ pipeline: source, ...selection }));
    expect(state).toMatchObject({ status: 'failed', error: { code }, steps: [] });
    expect(state.error?.message).toContain(text);
  });
});

it('a step whose worker dies right after the forced commit is made anew once', async () => {
  const journal = await mkdtemp(join(tmpdir(), 'f2c-journal-'));
  onTestFinished(() => rm(journal, { recursive: true }));
  const { digest } = await runs.store.putBlob(
    Buffer.from(`
name: dying
summary: Kills its worker
steps:
  first: { uses: tally, with: { number: 1, fails: afterCommit, journal: ${JSON.stringify(journal)} }, retry: { backoff: 1s } }
  later: { uses: tally, with: { number: 2, before: "\${{ steps.first.report }}" } }
`),
  );
  const pipeline = `sha256:${digest}`;
  const before = await runs.ended(await runs.startWith({ pipeline }));
  const { artifact: { key = '' } = {} } = stepOf(before, 'first');
  const notes = async () => (await readFile(join(journal, key), 'utf8')).trim().split('\n');
  expect(await notes()).toEqual(['begun', 'ended', 'died']);
  const stored = await runs.store.read('report', key);

  // What it has noted is forgotten, so that it dies once more.
  await rm(join(journal, key));
  const handle = await runs.startWith({ pipeline, force: ['first'] });
  const state = await runs.ended(handle);
  expect(outcomes(state)).toEqual({ first: 'forced', later: 'hit' });
  // Who only finds what the dead one has made has not tried it.
  expect(stepOf(state, 'first')).toMatchObject({ status: 'done', attempts: 1, forced: true });
  expect(await notes()).toEqual(['begun', 'ended', 'died']);
  expect((await artifactOf(state, 'first')).madeBy.run).toBe(handle.workflowId);
  expect((await runs.store.read('report', key))?.etag).not.toBe(stored?.etag);
}, 240_000);

it('a run that is resumed forces what it had not made anew, and nothing twice', async () => {
  const handle = await runs.startWith({ pipeline: source, force: ['people', 'train'], only: ['model'] });
  await eventually(() => trainersOf(stack)[0]);
  await handle.terminate('for a test');
  await eventually(() => (trainersOf(stack).length === 0 ? true : undefined));
  const { stdout: shown } = await f2c(stack.env, 'show', handle.workflowId);
  expect(shown).toMatch(/\nStatus +terminated\n.*\ntrain +cancelled /s);
  expect(shown).not.toMatch(/ (running|waiting) /);
  const before = await artifactOf(first, 'train');
  const { stdout } = await f2c(stack.env, 'resume', handle.workflowId, '--json');
  const resumed = JSON.parse(stdout);
  expect(outcomes(resumed)).toEqual({ faces: 'hit', people: 'hit', train: 'forced', model: 'hit' });
  expect((await artifactOf(resumed, 'train')).digest).toBe(before.digest);
  expect(resumed.forecast.totals).toMatchObject({ reuse: 2, run: 1, open: 1 });
}, 240_000);
