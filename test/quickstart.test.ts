import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { f2c } from './support/cli.ts';
import { processesWith } from './support/processes.ts';

let home: string;
let settings: Record<string, string>;
let firstRun: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'f2c-quickstart-'));
  settings = { F2C_HOME: home };
});

afterAll(async () => {
  await f2c(settings, 'down');
  await rm(home, { recursive: true, force: true });
}, 120_000);

const smallBudget = ['run', 'pipelines/quickstart.yaml', '--param', 'images=640'];

it('runs from images to a table of measured models on a stack that it starts and stops', async () => {
  const { code, stdout, stderr } = await f2c(settings, ...smallBudget);
  expect(stderr).toMatch(/^table {2}done/m);
  expect(code).toBe(0);
  firstRun = /^Run (\S+)/m.exec(stderr)?.[1] ?? '';

  const rows = stdout.split('\n').filter((line) => line.startsWith('| '));
  expect(rows[0]).toMatch(/Label +\| +Accuracy +\| +EER +\| +TAR@FAR 1e-2 +\| +Training +\| +Head memory/);
  expect(rows.map((row) => row.split('|')[1]?.trim())).toEqual(
    expect.arrayContaining(['dcp', 'fc', 'untrained', 'raw pixels']),
  );
  expect(stdout).toContain('Only 10 people are held out');
  expect(stdout).toContain('0 from the store.');
  expect(stdout).toMatch(
    new RegExp(`^  http://127.0.0.1:\\d+/namespaces/default/workflows/${firstRun}$`, 'm'),
  );
  expect(processesWith(home)).toEqual([]);
}, 600_000);

it('finds everything in the store the second time', async () => {
  const { code, stdout } = await f2c(settings, ...smallBudget, '--json');
  expect(code).toBe(0);
  const state = JSON.parse(stdout);
  expect(state.status).toBe('done');
  for (const step of state.steps)
    expect(step, step.id).toMatchObject({ cache: expect.stringMatching(/^hit: /), attempts: 0 });
  expect(processesWith(home)).toEqual([]);
}, 300_000);

it('says in one sentence when no stack is running', async () => {
  const { code, stderr } = await f2c(settings, 'list');
  expect(code).toBe(1);
  expect(stderr).toBe(
    `F2C_STACK_DOWN: The embedded stack is not running (${home}). Start it with \`npx f2c up\`, ` +
      'or set TEMPORAL_ADDRESS and AWS_ENDPOINT_URL_S3 to use servers of your own.\n',
  );
});

it('shows runs and artifacts on a stack that stays', async () => {
  expect((await f2c(settings, 'up')).stdout).toContain('The stack is up.');

  const { stdout: list } = await f2c(settings, 'list', '--json');
  expect(JSON.parse(list)).toMatchObject([
    { pipeline: 'quickstart', status: 'done', resumedFrom: null },
    { run: firstRun, pipeline: 'quickstart', status: 'done' },
  ]);
  const { stdout: shown } = await f2c(settings, 'show', firstRun);
  expect(shown).toMatch(/^train\[head=dcp\] +done .*miss: first time here$/m);

  const { stdout: models } = await f2c(settings, 'artifact', 'list', 'model', '--json');
  const [{ key }] = JSON.parse(models);
  const { stdout: lineage } = await f2c(settings, 'artifact', 'show', key.slice(0, 12));
  expect(lineage).toMatch(
    /made by +export v1[\s\S]*checkpoint [\s\S]*made by train v\d[\s\S]*made by ingest v1/,
  );

  const folder = join(home, 'exported');
  expect((await f2c(settings, 'artifact', 'export', key, folder)).code).toBe(0);
  expect((await readFile(join(folder, 'model.onnx'))).length).toBeGreaterThan(100_000);
  const again = await f2c(settings, 'artifact', 'export', key, folder);
  expect(again.stderr).toMatch(/^F2C_FOLDER_NOT_EMPTY: The export folder is not empty/);

  expect((await f2c(settings, 'down')).stdout).toContain('Stopped.');
  expect(processesWith(home)).toEqual([]);
  expect(existsSync(join(home, 'temporal.db'))).toBe(true);
}, 300_000);

it.each([
  [['show', 'nobody'], 'F2C_STACK_DOWN'],
  [['run', 'pipelines/none.yaml'], 'F2C_FILE_UNREADABLE: The file does not exist (pipelines/none.yaml).'],
  [['run', 'pipelines/quickstart.yaml', '--param', 'images=many'], 'F2C_PARAMS_INVALID'],
  [['validate', 'package.json'], 'F2C_PIPELINE_INVALID'],
])('fails with one clear error for f2c %j', async (args, text) => {
  const { code, stderr } = await f2c(settings, ...args);
  expect(code).toBe(1);
  expect(stderr).toContain(text);
  expect(stderr).not.toContain('    at ');
});
