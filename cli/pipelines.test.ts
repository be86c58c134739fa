import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { folder, runs, stack, withStack } from '../test/support/served.ts';

withStack();

async function written(name: string, imageSize: number, summary = 'Reads the sample'): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(
    file,
    `name: ${name}
summary: ${summary}
params:
  size: { type: integer, default: ${imageSize} }
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: "\${{ params.size }}" } }
schedule: { cron: "0 3 * * 0" }
`,
  );
  return file;
}

it('keeps versions of a pipeline, which everyone starts by its name', async () => {
  const applied = await f2c(stack.env, 'apply', await written('mine', 24));
  expect(applied.stdout).toBe('Applied mine as version 1. `npx f2c run mine` runs it.\n');
  expect((await f2c(stack.env, 'apply', join(folder, 'mine.yaml'))).stdout).toBe(
    'mine is applied already as version 1.\n',
  );
  const { stdout: second } = await f2c(stack.env, 'apply', await written('mine', 32), '--json');
  expect(JSON.parse(second)).toMatchObject({ name: 'mine', version: 2, created: true });

  const { stdout: ran } = await f2c(stack.env, 'run', 'mine', '--json');
  expect(JSON.parse(ran)).toMatchObject({ status: 'done', params: { size: 32 } });
  const { stdout: older } = await f2c(stack.env, 'plan', 'mine@1', '--json');
  expect(JSON.parse(older)).toMatchObject({
    params: { size: 24 },
    steps: [{ reason: 'miss: imageSize 32 -> 24' }],
  });
  const state = await runs.ended(await runs.startWith({ pipeline: 'mine', params: { size: 32 } }));
  expect(state.steps[0]?.cache).toMatch(/^hit: /);
  // The run has the digest of the very file, which stays in the store.
  expect(state.source).toBe(JSON.parse(second).digest);

  expect((await f2c(stack.env, 'schedule', 'apply', 'mine')).stdout).toMatch(
    /^Created the schedule of mine: /,
  );
  const { action } = await runs.client.schedule.getHandle('mine').describe();
  expect(action.args).toEqual([{ pipeline: 'mine', params: {} }]);
}, 240_000);

it('lists what names stand for, and the versions of one', async () => {
  await f2c(stack.env, 'apply', await written('weekly', 24, 'My own weekly'));
  const { stdout } = await f2c(stack.env, 'pipelines');
  const rows = stdout.split('\n').map((row) => row.split(/ {2,}/));
  expect(rows[0]).toEqual(['Pipeline', 'Version', 'Applied (UTC)', 'By', 'Summary']);
  expect(rows).toContainEqual(expect.arrayContaining(['quickstart', 'shipped']));
  expect(rows.find(([name]) => name === 'weekly')).toEqual([
    'weekly',
    '1',
    expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
    expect.stringMatching(new RegExp(`.@${hostname()}$`)),
    'My own weekly',
  ]);
  expect(stdout).toMatch(/\n\nApplied instead of shipped: weekly\.\n$/);

  const { stdout: versions } = await f2c(stack.env, 'pipelines', 'weekly', '--json');
  expect(JSON.parse(versions).map(({ version }: { version: number | null }) => version)).toEqual([1, null]);
  expect((await f2c(stack.env, 'pipelines', 'weakly')).stderr).toBe(
    'F2C_PIPELINE_UNKNOWN: No pipeline is named "weakly". Did you mean "weekly"?\n',
  );
}, 120_000);

it('applies no file with errors', async () => {
  const file = await written('wrong', 24);
  await writeFile(file, 'name: wrong\nsummary: x\nsteps: {}\n');
  const { code, stderr } = await f2c(stack.env, 'apply', file);
  expect(code).toBe(1);
  expect(stderr).toMatch(/F2C_PIPELINE_INVALID: 1 error in /);
  expect((await f2c(stack.env, 'run', 'wrong')).stderr).toMatch(/^F2C_PIPELINE_UNKNOWN: /);
}, 60_000);
