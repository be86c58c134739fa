import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { beforeAll, describe, expect, it } from 'vitest';
import type { StepForecast } from '../activities/forecast.ts';
import { f2c } from '../test/support/cli.ts';
import { eventually, stepOf } from '../test/support/runs.ts';
import { folder, runs, stack, withStack } from '../test/support/served.ts';
import { splitting, writePeople } from './people.fixture.ts';
import type { RunState, StepState } from './runTypes.ts';

withStack();
beforeAll(() => writePeople(join(folder, 'people')));

/** What `f2c plan` says of a pipeline. */
async function planned(yaml: string, ...args: string[]): Promise<StepForecast[]> {
  const file = join(folder, 'planned.yaml');
  await writeFile(file, yaml);
  const { stdout, stderr } = await f2c(stack.env, 'plan', file, '--json', ...args);
  expect(stderr).toBe('');
  return JSON.parse(stdout).steps;
}

const expected = (steps: StepForecast[]) => steps.map(({ id, expect, reason }) => [id, expect, reason]);

/** What was said of every step beforehand must be what happened; of an open one nothing was said. */
function expectKept(plan: StepForecast[], run: RunState): void {
  expect(plan.map(({ id }) => id)).toEqual(run.steps.map(({ id }) => id));
  const said = plan.filter(({ expect }) => expect !== 'open');
  const done = said.map(({ id }) => stepOf(run, id));
  expect(expected(said)).toEqual(done.map((step) => [step.id, ...happened(step)]));
}

function happened({ status, reason, error, attempts, cache }: StepState): unknown[] {
  if (status === 'skipped') return ['skip', reason];
  if (status === 'failed') return ['fail', error?.message.replace(/\.$/, '')];
  return [attempts > 0 ? 'run' : 'reuse', cache];
}

describe('steps with `when`', () => {
  const written = 'params.most / (steps.people.testIdentities - params.less) < 2';
  const choosing = (more = '') => `
name: choosing
summary: Compares what is worth it
params:
  most: { type: integer, default: 5 }
  less: { type: integer, default: 0 }
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(join(folder, 'people'))}, imageSize: 32 } }
  people:
    uses: index
    matrix: { test: [2, 3] }
    with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ matrix.test }}" }
  report:
    uses: evaluate
    each: people
    when: "\${{ ${written} }}"
    ${more}
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: "\${{ matrix.test }} people" }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
  single: { uses: compare, each: people, with: { reports: ["\${{ steps.report.report }}"] } }
  after: { uses: ingest, each: people, needs: [report], with: { source: ${JSON.stringify(join(folder, 'people'))}, imageSize: 32 } }
`;

  it('are open while nobody knows what it reads, and skipped or not once that is known', async () => {
    const before = await planned(choosing());
    const open = (id: string, needed: string) => [
      id,
      'open',
      `whether it is wanted depends on ${needed}: when ${written}`,
    ];
    expect(expected(before).slice(1)).toEqual([
      ['people[test=2]', 'open', 'depends on faces'],
      ['people[test=3]', 'open', 'depends on faces'],
      open('report[test=2]', 'people[test=2]'),
      open('report[test=3]', 'people[test=3]'),
      ['table', 'open', 'depends on report[test=2], report[test=3]'],
      ['single[test=2]', 'open', 'depends on people[test=2], report[test=2]'],
      ['single[test=3]', 'open', 'depends on people[test=3], report[test=3]'],
      // It reads nothing that is not known, and yet it may be skipped with what it needs.
      ['after[test=2]', 'open', 'depends on people[test=2], report[test=2]'],
      ['after[test=3]', 'open', 'depends on people[test=3], report[test=3]'],
    ]);
    expectKept(before, await runs.ended(await runs.start(choosing())));

    const again = await planned(choosing());
    expect(again.map((step) => step.expect)).toEqual([
      'reuse',
      'reuse',
      'reuse',
      'skip',
      'reuse',
      'reuse',
      'skip',
      'reuse',
      'skip',
      'reuse',
    ]);
    expect(again[3]?.reason).toBe(`when is false: ${written}`);
    expect(again[6]?.reason).toBe('needs report[test=2], which was skipped');
    expectKept(again, await runs.ended(await runs.start(choosing())));

    const other = await planned(choosing(), '--param', 'most=1');
    expect(other.slice(3).map(({ id, expect }) => [id, expect])).toEqual([
      ['report[test=2]', 'run'],
      ['report[test=3]', 'reuse'],
      ['table', 'open'],
      ['single[test=2]', 'open'],
      ['single[test=3]', 'reuse'],
      ['after[test=2]', 'reuse'],
      ['after[test=3]', 'reuse'],
    ]);
    // Its table fails at its work, since the reports are on different benchmarks; it was said to be open.
    expectKept(other, await runs.ended(await runs.start(choosing(), { most: 1 })));

    const none = await planned(choosing(), '--param', 'most=100');
    expect(expected(none)[5]).toEqual([
      'table',
      'skip',
      'needs report[test=2], which was skipped, and 1 more',
    ]);
    expectKept(none, await runs.ended(await runs.start(choosing(), { most: 100 })));
  }, 240_000);

  it('fail where it has no value; with onFailure: continue a gather does without them', async () => {
    const failing = await planned(choosing(), '--param', 'less=2', '--param', 'most=1');
    expect(expected(failing).slice(3, 6)).toEqual([
      ['report[test=2]', 'fail', '`when` of report[test=2] has no value: it divides by zero'],
      ['report[test=3]', 'reuse', expect.stringMatching(/^hit: /)],
      ['table', 'skip', 'needs report[test=2], which failed'],
    ]);
    const handle = await runs.start(choosing(), { less: 2, most: 1 });
    const failed = await runs.ended(handle);
    expect(failed.status).toBe('failed');
    expectKept(failing, failed);

    const held = await planned(choosing('onFailure: hold'), '--param', 'less=2', '--param', 'most=1');
    expect(expected(held)[3]).toEqual([
      'report[test=2]',
      'open',
      'a person will be asked: `when` of report[test=2] has no value: it divides by zero',
    ]);
    expect(held[5]).toMatchObject({ id: 'table', expect: 'open' });

    const tolerant = choosing('onFailure: continue');
    const without = await planned(tolerant, '--param', 'less=2', '--param', 'most=1');
    expect(without[5]).toMatchObject({ id: 'table', expect: 'reuse' });
    const state = await runs.ended(await runs.start(tolerant, { less: 2, most: 1 }));
    expect(state.status).toBe('done');
    expectKept(without, state);

    const { stdout } = await f2c(
      stack.env,
      'resume',
      handle.workflowId,
      '--json',
      '--param',
      'less=0',
      '--param',
      'most=5',
    );
    const resumed = JSON.parse(stdout);
    expect(resumed.status).toBe('done');
    expectKept(resumed.forecast.steps, resumed);
  }, 240_000);

  it('are skipped as well where they are forced, or where the run is limited to them', async () => {
    const chosen = await planned(choosing(), '--from', 'report', '--only', 'single');
    const input = { pipeline: await stored(choosing()), from: ['report'], only: ['single'] };
    const state = await runs.ended(await runs.startWith(input));
    expect(state.status).toBe('done');
    expect(
      state.steps.slice(3).map(({ id, status, forced, cache }) => [id, status, forced, cache?.slice(0, 6)]),
    ).toEqual([
      ['report[test=2]', 'skipped', true, undefined],
      ['report[test=3]', 'done', true, 'forced'],
      ['single[test=2]', 'skipped', true, undefined],
      ['single[test=3]', 'done', true, 'forced'],
    ]);
    expectKept(chosen, state);
    expect(chosen.map((step) => step.expect)).toEqual([
      'reuse',
      'reuse',
      'reuse',
      'skip',
      'run',
      'skip',
      'open',
    ]);
  }, 120_000);
});

describe('a step with `approve`', () => {
  const approving = () => `
name: approving
summary: Splits six people when somebody says so
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(join(folder, 'people'))}, imageSize: 32 } }
  people: { uses: index, approve: {}, with: { dataset: "\${{ steps.faces.dataset }}", test: 2 } }
  report: { uses: evaluate, with: { index: "\${{ steps.people.index }}", embedding: pixels, label: x } }
`;

  it('is said to wait, also where its artifact is there', async () => {
    await approved(await runs.start(approving()));
    const plan = await planned(approving());
    expect(plan.map(({ id, expect, approve }) => [id, expect, approve])).toEqual([
      ['faces', 'reuse', undefined],
      ['people', 'reuse', true],
      ['report', 'reuse', undefined],
    ]);
    const { stdout } = await f2c(stack.env, 'plan', join(folder, 'planned.yaml'));
    expect(stdout).toMatch(/^people +reuse +waits for approval; hit: /m);
    expect(stdout).toContain('3 steps reused, 0 to run. 1 step to be approved by a person.');
    expectKept(plan, await approved(await runs.start(approving())));
  }, 120_000);

  it('waits before it is forced', async () => {
    const plan = await planned(approving(), '--force', 'people');
    expect(plan[1]).toMatchObject({ expect: 'run', approve: true });
    const handle = await runs.startWith({ pipeline: await stored(approving()), force: ['people'] });
    const state = await approved(handle);
    expectKept(plan, state);
    expect(stepOf(state, 'people')).toMatchObject({
      forced: true,
      cache: expect.stringMatching(/^forced: /),
    });
  }, 120_000);

  async function approved(handle: WorkflowHandle): Promise<RunState> {
    await whileHeld(handle);
    await handle.executeUpdate('answer', { args: [{ step: 'people', action: 'approve' }] });
    return await runs.ended(handle);
  }
});

it('a held step that is tried again with other params has their key, and is still forced', async () => {
  const yaml = splitting(join(folder, 'people'), 'matrix: { test: [2, 50] }\n    onFailure: hold');
  const fifty = 'people[test=50]';
  const handle = await runs.startWith({ pipeline: await stored(yaml), force: [fifty] });
  const held = stepOf(await whileHeld(handle), fifty);
  await handle.executeUpdate('answer', { args: [{ step: fifty, action: 'retry', with: { test: 2 } }] });
  const state = await runs.ended(handle);
  const [two, mended] = [stepOf(state, 'people[test=2]'), stepOf(state, fifty)];
  expect(held.cache).toMatch(/^miss: /);
  expect(mended).toMatchObject({ status: 'done', attempts: 2, cache: expect.stringMatching(/^forced: /) });
  expect(mended.key).not.toBe(held.key);
  expect([mended.key, mended.artifact?.key]).toEqual([two.key, two.artifact?.key]);
  // The pipeline still says 50: what a person changed, was changed for that run.
  const [, , again] = await planned(yaml);
  expect(again).toMatchObject({ id: fifty, expect: 'run' });
}, 180_000);

async function stored(yaml: string): Promise<string> {
  return `sha256:${(await runs.store.putBlob(Buffer.from(yaml))).digest}`;
}

/** The state of a run once nothing of it goes on and a step waits for a person. */
function whileHeld(handle: WorkflowHandle): Promise<RunState> {
  return eventually(async () => {
    const state = await handle.query<RunState>('state');
    const busy = state.steps.some(({ status }) => status === 'running' || status === 'retrying');
    return state.status === 'held' && !busy ? state : undefined;
  });
}
