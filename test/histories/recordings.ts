/** The runs whose histories are kept: one for each way in which the interpreter goes on. */
import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import { applyPipeline } from '../../activities/applied.ts';
import type { RunState } from '../../workflows/runTypes.ts';
import { workerOf } from '../support/processes.ts';
import { eventually, type Runs, stepOf } from '../support/runs.ts';

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

/** Of its many instances few are wanted, so that its slices have short histories. */
const sliced = `${head('sliced')}
  people: { ${people(10)} }
  report:
    ${report.replace('uses: evaluate, with:', 'uses: evaluate\n    with:')}
    matrix: { i: [${Array.from({ length: 501 }, (_, index) => index).join(', ')}] }
    when: "\${{ matrix.i < 3 }}"
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
  mean: { uses: compare, with: { reports: ["\${{ steps.report.*.report }}"], by: "\${{ mean(steps.report.*.eer) >= 0 ? 'eer' : 'accuracy' }}" } }
`;

/** A run with slices, and the workflow among those of it whose id ends so. */
async function runSliced(runs: Runs, child = ''): Promise<WorkflowHandle> {
  const handle = await runs.start(sliced);
  const state = await endsAs(runs, handle, 'done');
  assert.equal(stepOf(state, 'report').tally?.done, 3);
  const { runId } = await handle.describe();
  const id = `${handle.workflowId}${child === '' ? '' : `:${runId.slice(0, 8)}:${child}`}`;
  return runs.client.workflow.getHandle(id);
}

/** Says how the run has ended in a table of its own, and makes another where what it needs is there. */
const always = `always:
  told: { uses: ingest, with: { source: "sample:\${{ run.status }}" }, retry: { attempts: 1 } }
  pixels: { ${report}, when: "\${{ run.status != 'done' }}" }
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

  /** A run of which one look-up answers for all steps but the last, which is made. */
  async lookAhead(runs) {
    await endsAs(runs, await runs.start(gathering), 'done');
    const handle = await runs.start(gathering.replace('table: { uses: compare, with: {', '$& by: eer,'));
    const { steps } = await endsAs(runs, handle, 'done');
    assert.deepEqual(
      steps.map(({ attempts }) => attempts),
      [0, 0, 0, 0, 0, 1],
    );
    const { events } = await handle.fetchHistory();
    const lookUps = events?.filter(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'lookUp',
    );
    assert.equal(lookUps?.length, 2);
    return handle;
  },

  async cancelled(runs) {
    const handle = await runs.start(`${head('cancelled')}  people: { ${people(10)} }
  train: { uses: train, with: { index: "\${{ steps.people.index }}", head: fc, width: 0.25, images: 100000000 } }
`);
    await begun(handle, 'train');
    await handle.cancel();
    await endsAs(runs, handle, 'cancelled');
    return handle;
  },

  async held(runs) {
    const handle = await runs.start(
      `${head('held')}  people: { ${people(50)}, onFailure: hold }\n  report: { ${report} }\n`,
    );
    await waitsAs(handle, 'people', 'held');
    await answer(handle, { step: 'people', action: 'retry', with: { test: 10 } });
    await endsAs(runs, handle, 'done');
    return handle;
  },

  async approved(runs) {
    const handle = await runs.start(
      `${head('approved')}  people: { ${people(10)} }\n  report: { ${report}, approve: { timeout: 3d } }\n`,
    );
    await waitsAs(handle, 'report', 'awaiting approval');
    await answer(handle, { step: 'report', action: 'approve', who: 'ann', note: 'looks right' });
    await endsAs(runs, handle, 'done');
    return handle;
  },

  /** A run that waits for a training that another one does, and takes what it makes. */
  async elsewhere(runs) {
    const text = `${head('elsewhere')}  people: { ${people(10)} }
  train: { uses: train, with: { index: "\${{ steps.people.index }}", head: dcp, poolRatio: 1, width: 0.25, embeddingSize: 32, identitiesPerStep: 10, instancesPerStep: 10, images: 3000 } }
`;
    const before = await runs.start(text);
    await begun(before, 'train');
    const handle = await runs.start(text);
    await eventually(async () => {
      const { steps } = await handle.query<RunState>('state');
      return steps.some(({ waitsFor }) => waitsFor === before.workflowId) || undefined;
    });
    const state = await endsAs(runs, handle, 'done');
    assert.equal(stepOf(state, 'train').attempts, 0);
    return handle;
  },

  /** A run that waits for its turn and is woken. */
  async queued(runs) {
    const text = `${head('queued')}concurrency: 1\n`;
    const before = await runs.start(text.replace('ingest,', 'ingest, approve: {},'));
    await waitsAs(before, 'faces', 'awaiting approval');
    const handle = await runs.start(text);
    await eventually(async () => (await handle.query<RunState>('state')).status === 'queued' || undefined);
    await answer(before, { step: 'faces', action: 'reject' });
    await endsAs(runs, handle, 'done');
    return handle;
  },

  async when(runs) {
    const handle = await runs.start(`${head('choosing')}
  people: { ${people('"${{ matrix.test }}"')}, matrix: { test: [5, 10] } }
  report: { ${report}, each: people, when: "\${{ steps.people.testIdentities > 5 }}" }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
`);
    const state = await endsAs(runs, handle, 'done');
    assert.equal(stepOf(state, 'report[test=5]').status, 'skipped');
    return handle;
  },

  sliced: (runs) => runSliced(runs),
  fanOut: (runs) => runSliced(runs, 'report'),
  slice: (runs) => runSliced(runs, 'report:1'),
  async alwaysDone(runs) {
    const handle = await runs.start(`${head('always-done')}  people: { ${people(10)} }\n${always}`);
    const state = await endsAs(runs, handle, 'done');
    assert.deepEqual(lastOf(state), ['failed', 'skipped']);
    return handle;
  },

  async alwaysFailed(runs) {
    const handle = await runs.start(
      `${head('always-failed')}  people: { ${people(10)} }\n  few: { ${people(50)} }\n${always}`,
    );
    const state = await endsAs(runs, handle, 'failed');
    assert.deepEqual(lastOf(state), ['failed', 'done']);
    return handle;
  },

  async alwaysCancelled(runs) {
    const handle = await runs.start(`${head('always-cancelled')}  people: { ${people(10)} }
  train: { uses: train, with: { index: "\${{ steps.people.index }}", head: fc, width: 0.25, images: 100000000 } }
${always}`);
    await begun(handle, 'train');
    await handle.cancel();
    const state = await endsAs(runs, handle, 'cancelled');
    assert.deepEqual(lastOf(state), ['failed', 'done']);
    return handle;
  },

  /** One step whose worker is stopped and that is done by the next; one that fails as often as it may. */
  async retries(runs) {
    const train = 'uses: train, with: { index: "${{ steps.people.index }}", head: fc, width: 0.25';
    const handle = await runs.start(`${head('retries').replace('32', '48')}  people: { ${people(10)} }
  short: { ${train}, images: 1000000 }, timeout: 1s, retry: { attempts: 2, backoff: 1s }, onFailure: continue }
`);
    await begun(handle, 'ingest');
    const worker = workerOf('data');
    assert(worker);
    process.kill(worker.pid);
    const state = await endsAs(runs, handle, 'done');
    assert.equal(stepOf(state, 'faces').attempts, 2);
    assert.equal(stepOf(state, 'short').error?.code, 'F2C_STEP_TIMEOUT');
    assert.equal(stepOf(state, 'short').attempts, 2);
    return handle;
  },

  async subpipeline(runs) {
    const text = `${head('parts').replace('steps:', 'params: { test: { type: integer }, label: { type: string } }\nsteps:')}
  people: { ${people('"${{ params.test }}"')}, when: "\${{ params.test > 5 }}" }
  report: { ${report.replace('label: pixels', 'label: "${{ params.label }}"')} }
outputs: { report: "\${{ steps.report.report }}" }
`;
    await applyPipeline(runs.store, { name: 'parts', summary: 'Recorded for the tests', by: 'a test', text });
    const params = 'test: "${{ matrix.test }}", label: "${{ steps.faces.identities }} people"';
    const handle = await runs.start(`${head('using')}
  part:
    uses: pipeline
    matrix: { test: [5, 10, 15] }
    when: \${{ steps.faces.identities > 20 }}
    with: { pipeline: parts, params: { ${params} } }
  table: { uses: compare, with: { reports: "\${{ steps.part.*.report }}" } }
  people: { ${people(20)}, needs: [part] }
`);
    const state = await endsAs(runs, handle, 'done');
    assert.equal(stepOf(state, 'part.report[test=5]').status, 'skipped');
    assert.equal(stepOf(state, 'people').status, 'done');
    return handle;
  },
};

/** What became of the steps of `always`. */
function lastOf({ steps }: RunState): string[] {
  return steps.flatMap((step) => (step.always ? [step.status] : []));
}

async function endsAs(runs: Runs, handle: WorkflowHandle, status: RunState['status']): Promise<RunState> {
  const state = await runs.ended(handle);
  assert.equal(state.status, status, JSON.stringify(state.error));
  return state;
}

/** Until a worker has begun with the work of a step kind. */
async function begun(handle: WorkflowHandle, uses: string): Promise<void> {
  await eventually(async () => {
    const { raw } = await handle.describe();
    const activity = raw.pendingActivities?.find(({ activityType }) => activityType?.name === uses);
    return activity?.lastStartedTime ? true : undefined;
  });
}

async function waitsAs(handle: WorkflowHandle, step: string, status: string): Promise<void> {
  await eventually(async () => {
    const state = await handle.query<RunState>('state');
    return state.steps.some((each) => each.id === step && each.status === status) ? true : undefined;
  });
}

async function answer(handle: WorkflowHandle, given: object): Promise<void> {
  await handle.executeUpdate('answer', { args: [given] });
}
