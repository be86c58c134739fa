/** The runs whose histories are kept: one for each way in which the interpreter goes on. */
import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import type { RunState } from '../../workflows/runTypes.ts';
import type { Runs } from '../support/runs.ts';

const head = (name: string) => `
name: ${name}
summary: Recorded for the tests
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: 32 } }
`;

const report =
  'uses: evaluate, with: { index: "${{ steps.people.index }}", embedding: pixels, label: pixels }';
const people = (test: number | string) =>
  `uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: ${test} }`;

const gathering = `${head('gathering')}
  people: { ${people('"${{ matrix.test }}"')}, matrix: { test: [5, 10] } }
  report: { ${report}, each: people }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
`;

/** Runs something and sees to it that it went the way that is to be kept. */
type Recording = (runs: Runs) => Promise<WorkflowHandle>;

export const recordings: Record<string, Recording> = {
  async plain(runs) {
    const handle = await runs.start(`${head('plain')}  people: { ${people(10)} }\n  report: { ${report} }\n`);
    await endsAs(runs, handle, 'done');
    return handle;
  },

  async gathers(runs) {
    const handle = await runs.start(gathering);
    const { steps } = await endsAs(runs, handle, 'done');
    assert.equal(steps.length, 6);
    return handle;
  },

  async cached(runs) {
    await endsAs(runs, await runs.start(gathering), 'done');
    const handle = await runs.start(gathering);
    const { steps } = await endsAs(runs, handle, 'done');
    assert(steps.every(({ cache }) => cache?.startsWith('hit: ')));
    return handle;
  },
};

async function endsAs(runs: Runs, handle: WorkflowHandle, status: RunState['status']): Promise<RunState> {
  const state = await runs.ended(handle);
  assert.equal(state.status, status, JSON.stringify(state.error));
  return state;
}
