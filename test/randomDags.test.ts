import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ListObjectVersionsCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import fc from 'fast-check';
import { beforeAll, expect, it, vi } from 'vitest';
import { root } from '../local/paths.ts';
import { stepsAtATime } from '../workers/roles.ts';
import type { RunState, StepState } from '../workflows/runTypes.ts';
import { type DagResult, dags, resultsOf, yamlOf } from './support/dags.ts';
import { workerOf } from './support/processes.ts';
import { replayed } from './support/replay.ts';
import { eventually } from './support/runs.ts';
import { folder, runs, withStack } from './support/served.ts';

/** Set F2C_SEED to try out others. */
const seed = Number(process.env.F2C_SEED ?? 7);

const pipelines = fc.sample(dags, { seed, numRuns: 6 });
const results = pipelines.map(resultsOf);

/** After which share of all notes of the journal which worker is killed. */
const kills = fc
  .sample(
    fc.record({
      role: fc.constantFrom('data', 'data', 'control'),
      share: fc.double({ min: 0.02, max: 0.9, noNaN: true }),
    }),
    { seed, numRuns: 6 },
  )
  .sort((a, b) => a.share - b.share);

vi.stubEnv('F2C_STEPS', join(root, 'test', 'steps'));
withStack();
beforeAll(async () => {
  const { s3, name: Bucket } = runs.store.bucket;
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
});

it(`random pipelines whose workers are killed end as they would undisturbed (F2C_SEED=${seed})`, async () => {
  const killing = killWorkers();
  const first = await runAll();
  await killing;
  expect(first.map(outcomes)).toEqual(results.map(expected));

  // Whatever was killed, nothing was committed twice.
  const made = first.flatMap(({ steps }) => steps.flatMap(({ artifact }) => artifact ?? []));
  expect(new Set(made.map(({ key }) => key)).size).toBe(made.length);
  expect(await versions()).toEqual(
    Object.fromEntries(made.map(({ key }) => [`artifacts/report/${key}.json`, 1])),
  );
  // Work was done once more only where a worker died in the middle of it.
  const noted = await notes();
  const count = (word: string) => noted.filter((each) => each === word).length;
  const deaths = count('died') + kills.filter(({ role }) => role === 'data').length;
  expect(count('ended') - made.length).toBeLessThanOrEqual(deaths * stepsAtATime.data);

  const second = await runAll();
  expect(second.map(outcomes)).toEqual(results.map(expected));
  const done = second.flatMap(({ steps }) => steps.filter(({ status }) => status === 'done'));
  expect(done.filter(({ cache, attempts }) => attempts > 0 || !cache?.startsWith('hit: '))).toEqual([]);
  expect(done.map(({ artifact }) => artifact)).toEqual(made);
  expect(Object.values(await versions()).every((count) => count === 1)).toBe(true);
}, 400_000);

it('every history of these runs is replayed to the same commands', async () => {
  const histories = await runs.histories();
  expect(histories).toHaveLength(2 * pipelines.length);
  expect((await replayed(histories)).filter(({ error }) => error !== undefined)).toEqual([]);
}, 120_000);

async function runAll(): Promise<RunState[]> {
  const handles = await Promise.all(
    pipelines.map((steps, index) => runs.start(yamlOf(steps, `random-${index}`, folder))),
  );
  return Promise.all(handles.map((handle) => eventually(() => runs.ended(handle).catch(() => undefined))));
}

async function killWorkers(): Promise<void> {
  const done = results.flatMap((each) => [...each.values()]).filter(({ status }) => status === 'done');
  for (const { role, share } of kills) {
    await eventually(async () => ((await notes()).length >= share * 2 * done.length ? true : undefined));
    const { pid } = await eventually(() => workerOf(role));
    process.kill(pid, 'SIGKILL');
  }
}

/** What the attempts of all steps have noted so far: "begun", "failed", "ended", "died". */
async function notes(): Promise<string[]> {
  const keys = await readdir(folder);
  return (await Promise.all(keys.map(notesOf))).flat();
}

async function notesOf(key: string): Promise<string[]> {
  return (await readFile(join(folder, key), 'utf8')).trimEnd().split('\n');
}

/** How often each manifest was written. */
async function versions(): Promise<Record<string, number>> {
  const { s3, name: Bucket } = runs.store.bucket;
  const { Versions = [], IsTruncated } = await s3.send(
    new ListObjectVersionsCommand({ Bucket, Prefix: 'artifacts/report/' }),
  );
  expect(IsTruncated).toBe(false);
  const counts: Record<string, number> = {};
  for (const { Key = '' } of Versions) counts[Key] = (counts[Key] ?? 0) + 1;
  return counts;
}

function outcomes({ status, steps }: RunState): unknown {
  return { status, steps: Object.fromEntries(steps.map((step) => [step.id, outcomeOf(step)])) };
}

function outcomeOf({ status, tolerated, metrics }: StepState): unknown {
  return status === 'done' ? { status, total: metrics?.total } : { status, tolerated: tolerated === true };
}

function expected(all: Map<string, DagResult>): unknown {
  const fails = [...all.values()].some(({ status, tolerated }) => status === 'failed' && !tolerated);
  return { status: fails ? 'failed' : 'done', steps: Object.fromEntries(all) };
}
