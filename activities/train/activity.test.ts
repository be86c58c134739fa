import { readFileSync } from 'node:fs';
import { copyFile, link, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { sha256 } from '../../artifacts/canonical.ts';
import type { BlobRef, Manifest } from '../../artifacts/manifest.ts';
import { takeOver } from '../../artifacts/trainings.ts';
import { processesWith } from '../../test/support/processes.ts';
import { eventually } from '../../test/support/runs.ts';
import { startTestStore, type TestStore } from '../../test/support/store.ts';
import { drawFaces } from '../evaluate/testdata/faces.ts';
import { localStep } from '../evaluate/testdata/local-step.ts';
import { writeIndex } from '../evaluate/testdata/write-index.ts';
import type { Progress, StepContext } from '../step.ts';
import { runTrain } from './activity.ts';
import { trainStep } from './contract.ts';

let server: TestStore;
let folder: string;
let index: Manifest;

beforeAll(async () => {
  server = await startTestStore();
  folder = await mkdtemp(join(tmpdir(), 'f2c-train-'));
  const faces = (name: string) => drawFaces(name, { identities: 8, images: 3, size: 32, noise: 60 });
  const path = join(folder, 'index');
  index = await writeIndex(path, { imageSize: 32, train: await faces('train'), test: await faces('test') });
  for (const file of (await readdir(path)).filter((name) => name.startsWith('test.'))) {
    const copy = file.replace('test.', 'validation.');
    await copyFile(join(path, file), join(path, copy));
    index.files[copy] = index.files[file] as BlobRef;
  }
  index.facts = { imageSize: 32 };
}, 60_000);
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

/** One attempt of the training `name`; `onProgress` may stop it, or do something to it in its work folder. */
async function attempt(
  name: string,
  params: object,
  onProgress: (progress: Progress, stop: () => void, workDir: string) => void = () => undefined,
  { processes = 1, said = [] }: { processes?: number; said?: string[] } = {},
) {
  const work = await mkdtemp(join(folder, 'work-'));
  const controller = new AbortController();
  const step: StepContext = {
    ...(await localStep(work)),
    key: sha256(name),
    store: server.store,
    signal: controller.signal,
    open: async (_, file) => join(folder, 'index', file),
    link: (_, file, path) => link(join(folder, 'index', file), path),
    progress: (progress) => onProgress(progress, () => controller.abort(), step.workDir),
    processes,
    log: pino({ level: 'debug' }, { write: (line) => said.push(JSON.parse(line).msg) }),
  };
  const defaults = { images: 24 * 12, width: 0.25, embeddingSize: 32, poolRatio: 1, checkpointEverySteps: 4 };
  const batch = { identitiesPerStep: 8, instancesPerStep: 8 };
  const made = await runTrain.work(
    { index, initFrom: undefined, ...trainStep.params.parse({ ...defaults, ...batch, ...params }) },
    step,
  );
  return { ...made, state: (await takeOver(server.store, step.key, 'test')).state };
}

async function eventsOf(log: Record<string, BlobRef> = {}) {
  const text = await server.store.readBlob(log['events.jsonl'] as BlobRef);
  return text
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('a stopped training goes on to the same checkpoints, the best and the last one, and its log with it', async () => {
  // Next to nothing is learned, so the last network is hardly the best one.
  const idle = { learningRate: 1e-6, validateEverySteps: 3 };
  const undisturbed = await attempt('undisturbed', { ...idle, select: 'best' });
  const { best, checkpoint } = undisturbed.state;
  const validations = (await eventsOf(undisturbed.log)).filter(({ event }) => event === 'validation');
  expect(validations).toHaveLength(4);
  const [top] = validations.toSorted((a, b) => b.accuracy - a.accuracy || a.step - b.step);
  expect(top.step).toBeLessThan(12);
  expect([best?.step, checkpoint?.step]).toEqual([top.step, 12]);
  expect(undisturbed.files).toEqual(best?.files);
  expect(undisturbed.facts.bestStep).toBe(top.step);
  expect(undisturbed.metrics.bestAccuracy).toBe(top.accuracy);

  const stopped = attempt('stopped', idle, ({ done }, stop) => (done >= 5 ? stop() : undefined));
  await expect(stopped).rejects.toThrow();
  const resumed = await attempt('stopped', idle);
  expect(resumed.files).toEqual(checkpoint?.files);
  expect(resumed.state.best).toEqual(best);
  expect([resumed.facts, resumed.metrics]).toEqual([undisturbed.facts, undisturbed.metrics]);

  const events = await eventsOf(resumed.log);
  const starts = events.filter(({ event }) => event === 'start');
  expect(starts).toMatchObject([{ step: 0 }, { step: expect.any(Number) }]);
  expect(starts[1].step).toBeGreaterThanOrEqual(5);
  expect(events.at(-1)).toMatchObject({ event: 'done', step: 12 });
  const curves = Object.keys(resumed.log ?? {}).filter((name) => name.startsWith('tensorboard/'));
  expect(curves).toHaveLength(2);
}, 120_000);

test('a training whose process hangs is killed and goes on from its checkpoint to the same weights', async () => {
  const long = { images: 24 * 100 };
  const undisturbed = await attempt('unhung', long);

  let hangs: Promise<void> | undefined;
  const hangAfterCheckpoint = async (workDir: string) => {
    const events = join(workDir, 'events.jsonl');
    await eventually(() => readFileSync(events, 'utf8').includes('"checkpoint"') || undefined);
    vi.stubEnv('F2C_TRAINER_PATIENCE_SECONDS', '1');
    for (const { pid } of trainersIn(workDir)) process.kill(pid, 'SIGSTOP');
  };
  const stuck = attempt('hung', long, (_, __, workDir) => {
    hangs ??= hangAfterCheckpoint(workDir);
  });
  await expect(stuck).rejects.toMatchObject({ code: 'F2C_TRAINER_STUCK' });
  await hangs;
  vi.unstubAllEnvs();
  expect(trainersIn(folder)).toEqual([]);

  const resumed = await attempt('hung', long);
  expect(resumed.files).toEqual(undisturbed.files);
  const starts = (await eventsOf(resumed.log)).filter(({ event }) => event === 'start');
  expect(starts).toMatchObject([{ step: 0 }, { step: expect.any(Number) }]);
  expect(starts[1].step).toBeGreaterThan(0);
}, 300_000);

/** The processes of the trainings in a folder, torchrun's own left out. */
function trainersIn(folder: string) {
  return processesWith(folder).filter(
    ({ command }) => command.includes('-m f2c_trainer ') && !command.includes('torch.distributed.run'),
  );
}

test.each([1, 2])(
  'what the data do not allow is told once, with %d processes and no word of torchrun',
  async (processes) => {
    const said: string[] = [];
    const none = () => undefined;
    await expect(
      attempt(`small ${processes}`, { poolRatio: 0.1 }, none, { processes, said }),
    ).rejects.toMatchObject({
      code: 'F2C_POOL_TOO_SMALL',
      message: expect.stringContaining('A pool of 1 slots cannot hold the up to 8 identities of one pass'),
    });
    expect(said.join('\n')).not.toMatch(/Traceback|ChildFailedError|exitcode|F2C_POOL_TOO_SMALL/);
  },
  120_000,
);

test('a trainer that dies without a word leaves what torchrun says of it in the log', async () => {
  const said: string[] = [];
  const kill = () => {
    for (const { pid, command } of processesWith(`${folder}/`)) {
      if (command.includes('-m f2c_trainer') && !command.includes('torch.distributed.run'))
        process.kill(pid, 'SIGKILL');
    }
  };
  await expect(attempt('killed', { images: 24 * 5_000 }, kill, { said })).rejects.toMatchObject({
    code: 'F2C_TRAINER_DIED',
  });
  expect(said.join('\n')).toContain('ChildFailedError');
}, 120_000);
