import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { eventually, Runs, stepOf } from '../test/support/runs.ts';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import { outcomes, writePeople } from './people.fixture.ts';
import type { RunState } from './runTypes.ts';

let stack: TestStack;
let runs: Runs;
/** Of the pipeline files; what is ingested must not change. */
let files: string;
let folder: string;

beforeAll(async () => {
  stack = await startTestStack({ workers: true });
  runs = await Runs.open(stack);
  folder = await mkdtemp(join(tmpdir(), 'f2c-sub-'));
  files = await mkdtemp(join(tmpdir(), 'f2c-sub-files-'));
  await writePeople(folder);
}, 120_000);

afterAll(async () => {
  await runs.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
  await rm(files, { recursive: true, force: true });
});

/** Splits six people; with 50 of them held out somebody must help. */
const split = (imageSize: number): string => `
name: split
summary: Splits the people and looks at what is held out
params:
  source: { type: string }
  test: { type: integer, minimum: 1, default: 2 }
  label: { type: string, default: none }
steps:
  faces: { uses: ingest, with: { source: "\${{ params.source }}", imageSize: ${imageSize} } }
  people:
    uses: index
    onFailure: hold
    with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ params.test }}" }
  report:
    uses: evaluate
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: "\${{ params.label }}" }
  extra: { uses: compare, when: "\${{ params.test > 100 }}", with: { reports: ["\${{ steps.report.report }}"] } }
outputs: { report: "\${{ steps.report.report }}", testIdentities: "\${{ steps.people.testIdentities }}" }
`;

const using = (others = ''): string => `
name: using
summary: Uses the split twice
steps:
  all: { uses: ingest, with: { source: ${JSON.stringify(folder)}, imageSize: 24 } }
  parts:
    uses: pipeline
    matrix: { held: [2, 50] }
    with:
      pipeline: split
      params:
        source: ${JSON.stringify(folder)}
        test: \${{ matrix.held }}
        label: \${{ steps.all.identities }} people
  table: { uses: compare, with: { reports: "\${{ steps.parts.*.report }}" } }
  end: { uses: ingest, needs: [parts], with: { source: ${JSON.stringify(folder)}, imageSize: 40 } }
${others}`;

async function applied(name: string, text: string): Promise<string> {
  const file = join(files, `${name}.yaml`);
  await writeFile(file, text);
  const { stdout } = await f2c(stack.env, 'apply', file, '--json');
  return JSON.parse(stdout).digest;
}

async function held(handle: WorkflowHandle): Promise<RunState> {
  return eventually(async () => {
    const state = await handle.query<RunState>('state');
    return state.status === 'held' && state.steps.every(({ status }) => status !== 'running')
      ? state
      : undefined;
  });
}

it('runs the steps of another pipeline, with what it has done by itself, and keeps to the version it began with', async () => {
  const digest = await applied('split', split(32));
  const params = { source: folder, test: 2, label: '6 people' };
  const alone = await runs.ended(await runs.startWith({ pipeline: 'split', params }));
  expect(alone.status).toBe('done');

  const file = join(files, 'using.yaml');
  await writeFile(file, using());
  const { stdout: id } = await f2c(stack.env, 'run', file, '--detach');
  const handle = runs.client.workflow.getHandle(id.trim());
  const state = await held(handle);
  expect(state.pipelines).toEqual({ split: digest });
  expect(stepOf(state, 'parts.people[held=50]')).toMatchObject({
    status: 'held',
    error: { code: 'F2C_TOO_FEW_IDENTITIES' },
  });
  // The same params give the same keys, although one of them is known only since \`all\` is done.
  for (const step of ['faces', 'people', 'report']) {
    const inner = stepOf(state, `parts.${step}[held=2]`);
    expect(inner).toMatchObject({ status: 'done', key: stepOf(alone, step).key });
    expect(inner.cache).toMatch(/^hit: /);
  }

  await handle.cancel();
  expect((await runs.ended(handle)).status).toBe('cancelled');
  const newer = await applied('split', split(48));
  const { stdout: forecast } = await f2c(stack.env, 'plan', file, '--json');
  expect(JSON.parse(forecast).pipelines).toEqual({ split: newer });
  const { stdout: next } = await f2c(stack.env, 'resume', id.trim(), '--detach');
  const resumed = runs.client.workflow.getHandle(next.trim());
  const again = await held(resumed);
  expect(again.pipelines).toEqual({ split: digest });
  expect(again.steps.filter(({ cache }) => cache?.startsWith('miss')).map((step) => step.id)).toEqual([
    'parts.people[held=50]',
  ]);
  const answered = await f2c(stack.env, 'retry', next.trim(), 'parts.people[held=50]', '--with', 'test=3');
  expect(answered).toMatchObject({ code: 0 });
  const done = await runs.ended(resumed);
  expect([done.status, done.error]).toEqual(['done', undefined]);
  const skipped = done.steps.flatMap(({ id, status, reason }) => (status === 'done' ? [] : [[id, reason]]));
  expect(skipped).toEqual([
    ['parts.extra[held=2]', 'when is false: params.test > 100'],
    ['parts.extra[held=50]', 'when is false: params.test > 100'],
  ]);
  const table = stepOf(done, 'table').artifact;
  expect(table && (await runs.store.load(table)).facts).toMatchObject({ reports: 2, labels: ['6 people'] });
  expect((await resumed.describe()).memo).toMatchObject({ pipelines: { split: digest } });

  const { stdout: shown } = await f2c(stack.env, 'show', next.trim());
  expect(shown).toContain(`\nUses       split@1 (source ${digest.slice(0, 12)})\n`);
  const { stdout: log } = await f2c(stack.env, 'logs', next.trim(), 'parts');
  expect(log).toMatch(/parts\.people\[held=50\]#1 +error /);
}, 240_000);

it('chooses all of a sub-pipeline or a part of it by its name', async () => {
  await applied('split', split(32));
  const file = join(files, 'using.yaml');
  await writeFile(file, using());
  const forced = async (...options: string[]) => {
    const { stdout } = await f2c(stack.env, 'plan', file, '--json', ...options);
    const { steps } = JSON.parse(stdout) as { steps: { id: string; reason: string }[] };
    return steps.flatMap(({ id, reason }) => (/forced/.test(reason) ? [id] : []));
  };
  expect(await forced('--force', 'parts[held=2]')).toEqual(['parts.faces[held=2]']);
  expect(await forced('--force', 'parts.faces')).toEqual(['parts.faces[held=2]', 'parts.faces[held=50]']);
  expect((await f2c(stack.env, 'plan', file, '--force', 'part')).stderr).toContain('Did you mean "parts"?');
  const { stdout } = await f2c(stack.env, 'plan', file, '--json', '--only', 'parts[held=2]');
  expect(JSON.parse(stdout).steps.map(({ id }: { id: string }) => id)).toEqual([
    ...['all', 'parts.faces[held=2]', 'parts.people[held=2]', 'parts.report[held=2]', 'parts.extra[held=2]'],
  ]);
}, 120_000);

it('skips all of it where `when` is false, and fails what needs it where a step of it fails', async () => {
  await applied(
    'failing',
    split(32).replace('name: split', 'name: failing').replace('onFailure: hold', 'onFailure: fail'),
  );
  const params = `params: { source: ${JSON.stringify(folder)}, test: "\${{ steps.all.identities * 10 }}" }`;
  const state = await runs.ended(
    await runs.start(`
name: choosing
summary: Uses what is wanted
steps:
  all: { uses: ingest, with: { source: ${JSON.stringify(folder)}, imageSize: 24 } }
  none: { uses: pipeline, when: "\${{ steps.all.identities > 6 }}", with: { pipeline: failing, ${params} } }
  bad: { uses: pipeline, with: { pipeline: failing, ${params} } }
  afterNone: { uses: ingest, needs: [none], with: { source: a } }
  afterBad: { uses: ingest, needs: [bad], with: { source: a } }
`),
  );
  expect(state).toMatchObject({ status: 'failed', error: { code: 'F2C_RUN_FAILED' } });
  const notWanted = 'when is false: steps.all.identities > 6';
  expect(outcomes(state)).toEqual([
    ['all', 'done'],
    ['none.faces', 'skipped', notWanted],
    ['none.people', 'skipped', 'needs none.faces, which was skipped'],
    ['none.report', 'skipped', 'needs none.people, which was skipped'],
    ['none.extra', 'skipped', 'needs none.report, which was skipped'],
    ['bad.faces', 'done'],
    ['bad.people', 'failed'],
    ['bad.report', 'skipped', 'needs bad.people, which failed'],
    ['bad.extra', 'skipped', 'needs bad.report, which was skipped'],
    ['afterNone', 'skipped', 'needs none.faces, which was skipped, and 3 more'],
    ['afterBad', 'skipped', 'needs bad.people, which failed, and 2 more'],
  ]);
}, 120_000);

it('says what is wrong with a sub-pipeline in the file that is wrong', async () => {
  await applied('split', split(32));
  const file = join(files, 'wrong.yaml');
  await writeFile(
    file,
    using('  more: { uses: pipeline, with: { pipeline: splitt } }\n').replace('test:', 'tst:'),
  );
  const { stderr, code } = await f2c(stack.env, 'validate', file);
  expect(code).toBe(1);
  expect(stderr).toContain(
    `${file}:13:9  error  \`tst\` is not a param of \`split\`. Did you mean \`test\`?`,
  );
  expect(stderr).toContain(`${file}:17:45  error  No pipeline is named "splitt". Did you mean "split"?`);
  expect(stderr).toContain(`F2C_PIPELINE_INVALID: 2 errors in ${file}`);
  const { stderr: refused } = await f2c(stack.env, 'run', file, '--detach');
  expect(refused).toBe(stderr);

  await writeFile(file, using());
  expect((await f2c(stack.env, 'validate', file)).stdout).toBe(`${file} is valid.\n`);
  const offline = await f2c({ F2C_HOME: join(files, 'home') }, 'validate', file);
  expect(offline).toMatchObject({ code: 0 });
  expect(offline.stdout).toMatch(
    / is valid, but split could not be looked up: The embedded stack is not running /,
  );
  const { stdout: pipelines } = await f2c(stack.env, 'pipelines', 'split');
  expect(pipelines).toMatch(
    /\n\nWhat other pipelines may use of it:\nreport +\$\{\{ steps\.report\.report \}\}\n/,
  );
}, 120_000);
