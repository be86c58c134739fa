import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StepForecast } from '../activities/forecast.ts';
import { f2c } from '../test/support/cli.ts';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import type { RunState } from '../workflows/runTypes.ts';

let stack: TestStack;
let folder: string;
let file: string;

beforeAll(async () => {
  stack = await startTestStack({ workers: true });
  folder = await mkdtemp(join(tmpdir(), 'f2c-plan-'));
  file = join(folder, 'planned.yaml');
  await writeFile(file, pipeline);
}, 120_000);

afterAll(async () => {
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

const pipeline = `
name: planned
summary: Evaluates pixels of two halves
params:
  source: { type: string, default: "sample:att-faces" }
  test: { type: integer, minimum: 0, default: 10 }
steps:
  faces: { uses: ingest, with: { source: "\${{ params.source }}", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ params.test }}" } }
  pixels:
    uses: evaluate
    matrix: { seed: [1, 2] }
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: pixels, seed: "\${{ matrix.seed }}" }
  table: { uses: compare, with: { reports: ["\${{ steps.pixels.*.report }}"] } }
`;

async function planned(...args: string[]): Promise<StepForecast[]> {
  const { stdout, stderr } = await f2c(stack.env, 'plan', file, '--json', ...args);
  expect(stderr).toBe('');
  return JSON.parse(stdout).steps;
}

async function ran(...args: string[]): Promise<RunState> {
  const { code, stdout } = await f2c(stack.env, 'run', file, '--json', ...args);
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

/** What was said of every step beforehand must be what happened; of an open one nothing was said. */
function expectKept(plan: StepForecast[], run: RunState): void {
  expect(plan.map(({ id }) => id)).toEqual(run.steps.map(({ id }) => id));
  const said = plan.filter(({ expect }) => expect !== 'open');
  const done = run.steps.filter(({ id }) => said.some((step) => step.id === id));
  expect(said.map(({ id, expect, reason }) => [id, expect, reason])).toEqual(
    done.map(({ id, attempts, cache }) => [id, attempts > 0 ? 'run' : 'reuse', cache]),
  );
}

it('says what a run then does, before the first one, after it, and with another param', async () => {
  const before = await planned();
  expect(before.map(({ id, expect, dependsOn }) => [id, expect, dependsOn])).toEqual([
    ['faces', 'run', []],
    ['people', 'open', ['faces']],
    ['pixels[seed=1]', 'open', ['people']],
    ['pixels[seed=2]', 'open', ['people']],
    ['table', 'open', ['pixels[seed=1]', 'pixels[seed=2]']],
  ]);
  expect(before[0]).not.toHaveProperty('estimate');
  // Asking twice changes nothing.
  expect(await planned()).toEqual(before);
  expectKept(before, await ran());

  const again = await planned();
  expect(again.map((step) => step.expect)).toEqual(Array(5).fill('reuse'));
  expectKept(again, await ran());

  const changed = await planned('--param', 'test=12');
  expect(changed.map(({ expect, reason }) => [expect, reason]).slice(1)).toEqual([
    ['run', 'miss: test 10 -> 12'],
    ['open', 'depends on people'],
    ['open', 'depends on people'],
    ['open', 'depends on pixels[seed=1], pixels[seed=2]'],
  ]);
  for (const { estimate } of changed.slice(1)) expect(estimate?.from).toBe('place');
  expect((await f2c(stack.env, 'plan', file, '--param', 'test=12')).stdout).toMatch(
    /^planned: Evaluates pixels[\s\S]*^people +run +about .* miss: test 10 -> 12$[\s\S]*^1 step reused, 1 to run \(about .*\), 3 open .*\. Nothing was started\.$/m,
  );
  expectKept(changed, await ran('--param', 'test=12'));
}, 300_000);

it('says what a run that forces steps then does, and takes their names as they are told', async () => {
  const forced = await planned('--force', 'pixels[seed=1]', '--only', 'pixels');
  expect(forced.map(({ id, expect }) => [id, expect])).toEqual([
    ['faces', 'reuse'],
    ['people', 'reuse'],
    ['pixels[seed=1]', 'run'],
    ['pixels[seed=2]', 'reuse'],
  ]);
  expect(forced[2]?.reason).toMatch(/^forced: is there, made by run planned-/);
  expectKept(forced, await ran('--force', 'pixels[seed=1]', '--only', 'pixels'));
  for (const command of ['plan', 'run']) {
    expect((await f2c(stack.env, command, file, '--from', 'pixel')).stderr).toBe(
      'F2C_STEP_UNKNOWN: The pipeline planned has no step "pixel". Did you mean "pixels"?\n',
    );
  }
}, 120_000);

it('says where a source cannot be read from here, and that nobody can know then', async () => {
  const [faces, people] = await planned('--param', `source=${join(folder, 'elsewhere')}`);
  expect(faces).toMatchObject({ expect: 'open', dependsOn: [] });
  expect(faces?.reason).toMatch(/^its source cannot be read from here: F2C_SOURCE_MISSING: /);
  expect(people).toMatchObject({ expect: 'open', dependsOn: ['faces'] });
});

it('refuses what a run would refuse', async () => {
  const { code, stderr } = await f2c(stack.env, 'plan', file, '--param', 'tset=1');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^F2C_PARAMS_INVALID: .*\n.*Did you mean `test`\?/);
});
