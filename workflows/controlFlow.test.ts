import { beforeAll, describe, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { stepOf } from '../test/support/runs.ts';
import { folder, runs, stack, withStack } from '../test/support/served.ts';
import { outcomes, splitting, writePeople } from './people.fixture.ts';

withStack();
beforeAll(() => writePeople(folder));

describe('onFailure: continue', () => {
  it('goes on without the step and what depends on it; a gather takes what is there', async () => {
    const handle = await runs.start(splitting(folder, 'matrix: { test: [2, 50] }\n    onFailure: continue'));
    const state = await runs.ended(handle);
    expect(state.status).toBe('done');
    expect(outcomes(state)).toEqual([
      ['faces', 'done'],
      ['people[test=2]', 'done'],
      ['people[test=50]', 'failed'],
      ['report[test=2]', 'done'],
      ['report[test=50]', 'skipped', 'needs people[test=50], which failed'],
      ['table', 'done'],
    ]);
    expect(stepOf(state, 'people[test=50]')).toMatchObject({
      tolerated: true,
      error: { code: 'F2C_TOO_FEW_IDENTITIES' },
    });
    const table = stepOf(state, 'table').artifact;
    expect(table && (await runs.store.load(table)).facts).toMatchObject({ reports: 1, labels: ['2 people'] });

    expect(await handle.result()).toMatchObject({
      failed: { 'people[test=50]': { code: 'F2C_TOO_FEW_IDENTITIES' } },
    });
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('Status: **done** · without people[test=50], which failed');
    expect(currentDetails).toMatch(
      /\| ✘ \| people\[test=50\] \| failed \| F2C_TOO.* · the run goes on without it/,
    );
    expect((await handle.describe()).searchAttributes.f2cState).toEqual(['done']);
    const { stdout: shown } = await f2c(stack.env, 'show', handle.workflowId);
    expect(shown).toMatch(
      /people\[test=50\] +failed .* F2C_TOO_FEW_IDENTITIES \(the run goes on without it\); miss: first time here\n/,
    );
    expect(shown).toMatch(/report\[test=50\] +skipped +needs people\[test=50\], which failed\n/);
    expect(shown).toContain('\npeople[test=50] failed, and the run goes on without it: ');
  }, 120_000);

  it('a gather of which nothing is left is skipped, and so is what needs every instance', async () => {
    const yaml = splitting(folder, 'matrix: { test: [40, 50] }\n    onFailure: continue');
    const state = await runs.ended(
      await runs.start(`${yaml}  after: { uses: ingest, needs: [people], with: { source: x } }\n`),
    );
    expect(state.status).toBe('done');
    expect(stepOf(state, 'table')).toMatchObject({
      status: 'skipped',
      tolerated: true,
      reason: 'needs report[test=40], which was skipped, and 1 more',
    });
    expect(stepOf(state, 'after')).toMatchObject({ status: 'skipped', tolerated: true });
  }, 120_000);

  it('does not hide the failure of another step', async () => {
    const yaml = splitting(folder, 'matrix: { test: [2, 50] }\n    onFailure: continue');
    const state = await runs.ended(
      await runs.start(`${yaml}  gone: { uses: ingest, with: { source: /nowhere } }\n`),
    );
    expect(state).toMatchObject({ status: 'failed', error: { code: 'F2C_RUN_FAILED' } });
    expect(state.error?.message).toMatch(/^Step gone failed with F2C_SOURCE_MISSING: [^\n]*$/);
    expect(stepOf(state, 'table').status).toBe('done');
  }, 120_000);
});

describe('when', () => {
  const choosing = (least: string) => `
name: choosing
summary: Compares what is worth it
params:
  least: { type: integer, default: 3 }
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(folder)}, imageSize: 32 } }
  people:
    uses: index
    matrix: { test: [2, 3] }
    with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ min(matrix.test, steps.faces.identities - 1) }}" }
  report:
    uses: evaluate
    each: people
    when: "\${{ steps.people.testIdentities >= ${least} }}"
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: "\${{ matrix.test * 10 }} people" }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
  single: { uses: compare, each: people, with: { reports: ["\${{ steps.report.report }}"] } }
`;

  it('skips an instance where it is false and what depends on it; a gather takes the others', async () => {
    const state = await runs.ended(await runs.start(choosing('params.least')));
    expect(state.status).toBe('done');
    expect(outcomes(state).slice(3)).toEqual([
      ['report[test=2]', 'skipped', 'when is false: steps.people.testIdentities >= params.least'],
      ['report[test=3]', 'done'],
      ['table', 'done'],
      ['single[test=2]', 'skipped', 'needs report[test=2], which was skipped'],
      ['single[test=3]', 'done'],
    ]);
    const { artifact } = stepOf(state, 'table');
    expect(artifact && (await runs.store.load(artifact)).facts).toMatchObject({ labels: ['30 people'] });

    const none = await runs.ended(await runs.start(choosing('params.least'), { least: 100 }));
    expect([none.status, stepOf(none, 'table').status]).toEqual(['done', 'skipped']);
  }, 120_000);

  it('an expression that has no value fails its step', async () => {
    const handle = await runs.start(choosing('params.least / (steps.people.testIdentities - 2)'));
    const state = await runs.ended(handle);
    expect(state.status).toBe('failed');
    expect(stepOf(state, 'report[test=2]')).toMatchObject({
      status: 'failed',
      error: {
        code: 'F2C_EXPRESSION_FAILED',
        message: '`when` of report[test=2] has no value: it divides by zero.',
      },
    });
    expect(stepOf(state, 'report[test=3]').status).toBe('done');
  }, 120_000);
});
