import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../local/stack.ts';
import { f2c } from './support/cli.ts';
import { trainersOf } from './support/processes.ts';
import { eventually, Runs } from './support/runs.ts';

const pipeline = `
name: talks
summary: Trains a small network
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }
  train:
    uses: train
    matrix: { head: [fc] }
    retry: { attempts: 1, backoff: 1s }
    with:
      index: "\${{ steps.people.index }}"
      head: "\${{ matrix.head }}"
      width: 0.25
      embeddingSize: 32
      identitiesPerStep: 10
      instancesPerStep: 10
      images: 100000000
      checkpointEverySteps: 3
`;

let home: string;
let stack: Stack;
let runs: Runs;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'f2c-logs-'));
  await start({ workers: true });
}, 120_000);

afterAll(async () => {
  await stop();
  await rm(home, { recursive: true, force: true });
});

async function start({ workers }: { workers: boolean }): Promise<void> {
  stack = await startStack({ home, workers });
  runs = await Runs.open({ ...stack, home });
}

async function stop(): Promise<void> {
  await runs.close();
  await stack.stop();
}

interface Printed {
  time: string;
  step: string;
  attempt: number;
  level: string;
  message: string;
  from?: string;
}

const parsed = (stdout: string): Printed[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

it('a log is followed across attempts, and is there when the run and its workers are gone', async () => {
  const handle = await runs.start(pipeline);
  const { workflowId: run } = handle;
  const following = f2c(stack.env, 'logs', run, '--follow', '--json');

  const killed = await eventually(() => trainersOf({ home })[0]);
  const soFar = await eventually(async () => {
    const { stdout } = await f2c(stack.env, 'logs', run, 'train');
    return /train\[head=fc\]#1 +info +a checkpoint is stored/.test(stdout) ? stdout : undefined;
  });
  expect(soFar).not.toContain('faces#1');
  process.kill(killed.pid, 'SIGKILL');
  await eventually(async () => {
    const { stdout } = await f2c(stack.env, 'logs', run, 'train[head=fc]');
    return /#2 +info +resumes from a checkpoint/.test(stdout) ? true : undefined;
  });
  await handle.cancel();
  expect((await runs.ended(handle)).status).toBe('cancelled');

  const { code, stdout, stderr } = await following;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = parsed(stdout);
  const said = (step: string, attempt: number) =>
    lines.filter((line) => line.step === step && line.attempt === attempt).map(({ message }) => message);
  expect(said('faces', 1)[0]).toBe('attempt 1 begins');
  expect(said('faces', 1).at(-1)).toBe('done');
  expect(said('people', 1).at(-1)).toBe('done');
  expect(said('train[head=fc]', 1).at(-1)).toMatch(/^The trainer ended with /);
  expect(said('train[head=fc]', 2).at(-1)).toBe('stopped: on request');
  expect(stdout).not.toContain(stack.env.AWS_SECRET_ACCESS_KEY);

  await stop();
  await start({ workers: false });
  const afterwards = parsed((await f2c(stack.env, 'logs', run, '--json')).stdout);
  const times = afterwards.map(({ time }) => time);
  expect(times).toEqual([...times].sort());
  expect(new Set(afterwards.map((line) => JSON.stringify(line)))).toEqual(
    new Set(lines.map((line) => JSON.stringify(line))),
  );

  const wrong = await f2c(stack.env, 'logs', run, 'trian');
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toBe(`F2C_STEP_UNKNOWN: The run ${run} has no step trian. Did you mean "train"?\n`);
  const other = await f2c(stack.env, 'logs', `${run}x`);
  expect(other.stderr).toBe(
    `F2C_RUN_UNKNOWN: There is no run ${run}x. Did you mean ${run}? \`npx f2c list\` shows the runs.\n`,
  );

  await stop();
  await start({ workers: true });
}, 300_000);

it('a step that failed says how to read its log, and one from the store whose log it is', async () => {
  const file = join(home, 'talks.yaml');
  await writeFile(file, pipeline.replace('test: 10', 'test: 41'));
  const failed = await f2c(stack.env, 'run', file);
  const run = /^Run (\S+)/m.exec(failed.stderr)?.[1] ?? '';
  expect(failed.stderr).toContain(`Its log: \`npx f2c logs ${run} people\`.`);
  const { stdout: told } = await f2c(stack.env, 'logs', run, 'people');
  expect(told).toMatch(/people#1 +error +.*code=F2C_TOO_FEW_IDENTITIES/);

  const { stderr } = await f2c(stack.env, 'logs', run, 'faces');
  expect(stderr).toMatch(
    /^Nothing was run, so there is no log: .*\nfaces is from the store: npx f2c logs test-\S+ 'faces'\n$/,
  );
}, 120_000);
