import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { Runs, stepOf } from '../test/support/runs.ts';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import type { RunState } from './runTypes.ts';

let stack: TestStack;
let runs: Runs;
let folder: string;

beforeAll(async () => {
  stack = await startTestStack({ workers: true });
  runs = await Runs.open(stack);
  folder = await mkdtemp(join(tmpdir(), 'f2c-flow-'));
  for (const person of ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay']) await writeImages(person);
}, 120_000);

afterAll(async () => {
  await runs.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

async function writeImages(person: string): Promise<void> {
  await mkdir(join(folder, 'faces', person), { recursive: true });
  for (let i = 0; i < 3; i++) {
    const background = { r: 60 * i, g: 2 * person.charCodeAt(0), b: 120 };
    const image = sharp({ create: { width: 40, height: 40, channels: 3, background } });
    await writeFile(join(folder, 'faces', person, `${i}.png`), await image.png().toBuffer());
  }
}

/** Six people; a split with 50 for the test cannot be made. */
const split = (settings: string) => `
name: flow
summary: Splits six people
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(join(folder, 'faces'))}, imageSize: 32 } }
  people:
    uses: index
    ${settings}
    with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ matrix.test }}" }
  report:
    uses: evaluate
    each: people
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: "\${{ matrix.test }} people" }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
`;

function outcomes({ steps }: RunState): unknown[] {
  return steps.map(({ id, status, reason }) => (reason === undefined ? [id, status] : [id, status, reason]));
}

describe('onFailure: continue', () => {
  it('goes on without the step and what depends on it; a gather takes what is there', async () => {
    const handle = await runs.start(split('matrix: { test: [2, 50] }\n    onFailure: continue'));
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
      /people\[test=50\] +failed .* F2C_TOO_FEW_IDENTITIES \(the run goes on without it\)\n/,
    );
    expect(shown).toMatch(/report\[test=50\] +skipped +needs people\[test=50\], which failed\n/);
    expect(shown).toContain('\npeople[test=50] failed, and the run goes on without it: ');
  });

  it('a gather of which nothing is left is skipped, and so is what needs every instance', async () => {
    const yaml = split('matrix: { test: [40, 50] }\n    onFailure: continue');
    const state = await runs.ended(
      await runs.start(`${yaml}  after: { uses: ingest, needs: [people], with: { source: x } }\n`),
    );
    expect(state.status).toBe('done');
    expect(stepOf(state, 'table')).toMatchObject({
      status: 'skipped',
      tolerated: true,
      reason: 'needs report[test=40], which was skipped and 1 more',
    });
    expect(stepOf(state, 'after')).toMatchObject({ status: 'skipped', tolerated: true });
  });

  it('does not hide the failure of another step', async () => {
    const yaml = split('matrix: { test: [2, 50] }\n    onFailure: continue');
    const state = await runs.ended(
      await runs.start(`${yaml}  gone: { uses: ingest, with: { source: /nowhere } }\n`),
    );
    expect(state).toMatchObject({ status: 'failed', error: { code: 'F2C_RUN_FAILED' } });
    expect(state.error?.message).toMatch(/^Step gone failed with F2C_SOURCE_MISSING: [^\n]*$/);
    expect(stepOf(state, 'table').status).toBe('done');
  });
});
