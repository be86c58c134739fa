import { ApplicationFailure, type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { beforeAll, describe, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { replayed } from '../test/support/replay.ts';
import { eventually, stepOf } from '../test/support/runs.ts';
import { folder, runs, stack, withStack } from '../test/support/served.ts';
import { outcomes, splitting, writePeople } from './people.fixture.ts';
import type { RunState } from './runTypes.ts';

withStack();
beforeAll(() => writePeople(folder));

describe('onFailure: hold', () => {
  const held = () => splitting(folder, 'matrix: { test: [2, 50] }\n    onFailure: hold');
  const fifty = 'people[test=50]';

  it('waits in the same run, refuses what is no answer, and tries again with other params', async () => {
    const handle = await runs.start(held());
    const run = handle.workflowId;
    const waiting = await whileHeld(handle);
    expect(outcomes(waiting).slice(1)).toEqual([
      ['people[test=2]', 'done'],
      [fifty, 'held'],
      ['report[test=2]', 'done'],
      ['report[test=50]', 'waiting'],
      ['table', 'waiting'],
    ]);
    expect(waiting.status).toBe('held');
    const { stdout: listed } = await f2c(stack.env, 'list');
    expect(listed).toMatch(new RegExp(`^${run} +\\S+ +held `, 'm'));
    const { stdout: shown } = await f2c(stack.env, 'show', run);
    expect(shown).toMatch(/\npeople\[test=50\] held: .*6 identities/);
    expect(shown).toContain(`\n${fifty} waits for an answer: \`npx f2c retry ${run} '${fifty}'\``);
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain(`**${fifty}** is held: F2C_TOO_FEW_IDENTITIES: `);

    for (const [answer, code, text] of [
      [undefined, 'F2C_ANSWER_INVALID', 'nothing is not an answer'],
      [{ step: fifty, action: 'retry', extra: 1 }, 'F2C_ANSWER_INVALID', 'is not an answer'],
      [{ step: fifty, action: 'restart' }, 'F2C_ANSWER_INVALID', 'takes retry, skip, fail, not restart'],
      [{ step: fifty, action: 'skip', with: { test: 2 } }, 'F2C_ANSWER_INVALID', '`with` goes with retry'],
      [{ step: fifty, action: 'retry', with: [] }, 'F2C_ANSWER_INVALID', '`with` must be a map'],
      [{ step: fifty, action: 'retry', note: 3 }, 'F2C_ANSWER_INVALID', '`note` must be a string'],
      [{ step: 'people', action: 'retry' }, 'F2C_STEP_UNKNOWN', `Waiting: ${fifty}.`],
      [{ step: 'table', action: 'retry' }, 'F2C_STEP_NOT_WAITING', 'it is waiting'],
      [{ step: fifty, action: 'retry', with: { tst: 2 } }, 'F2C_ANSWER_INVALID', 'Did you mean `test`?'],
      [{ step: fifty, action: 'retry', with: { test: -1 } }, 'F2C_ANSWER_INVALID', 'must be at least 0'],
      [{ step: fifty, action: 'retry', with: { dataset: 1 } }, 'F2C_ANSWER_INVALID', '`dataset` is an input'],
    ] as const) {
      const refused = await refusalOf(handle, answer);
      expect(refused, JSON.stringify(answer)).toMatchObject({ type: code });
      expect(refused.message).toContain(text);
    }

    const again = await f2c(stack.env, 'retry', run, fifty, '--with', 'test=60');
    expect(again).toMatchObject({ code: 0, stderr: '' });
    await eventually(async () =>
      stepOf(await handle.query<RunState>('state'), fifty).attempts === 2 &&
      (await handle.query<RunState>('state')).status === 'held'
        ? true
        : undefined,
    );
    const mended = await f2c(stack.env, 'retry', run, fifty, '--with', 'test=2', '--note', 'six people');
    expect(mended.stdout).toBe(`${fifty}: retry, test 60 -> 2. \`npx f2c show ${run}\` shows the run.\n`);
    const state = await runs.ended(handle);
    expect(state.status).toBe('done');
    expect(stepOf(state, fifty)).toMatchObject({
      status: 'done',
      // The first try with 50, the second one with 60; the split with 2 is in the store.
      attempts: 2,
      cache: expect.stringMatching(/^hit: /),
      metrics: { testIdentities: 2 },
      answers: [
        { action: 'retry', changes: ['test 50 -> 60'] },
        { action: 'retry', changes: ['test 60 -> 2'], note: 'six people', who: expect.any(String) },
      ],
    });
    expect((await handle.describe()).searchAttributes.f2cState).toEqual(['done']);
    expect(stepOf(state, fifty).waitedMs).toBeGreaterThan(0);
    const { stdout: after } = await f2c(stack.env, 'show', run);
    expect(after).toMatch(/\npeople\[test=50\] +retry, test 60 -> 2 +\d{4}-.* {2}six people\n/);
    const late = await f2c(stack.env, 'skip', run, fifty);
    expect(late.stderr).toContain(`F2C_STEP_NOT_WAITING: The run ${run} has ended`);
  }, 180_000);

  it('keeps what a person has changed when the run is resumed', async () => {
    const settings = 'matrix: { test: [2, 50, 60] }\n    onFailure: hold';
    const handle = await runs.start(splitting(folder, settings));
    await whileHeld(handle);
    await f2c(stack.env, 'retry', handle.workflowId, fifty, '--with', 'test=3');
    await whileHeld(handle, 1);
    await handle.cancel();
    await runs.ended(handle);

    const { stderr, stdout } = await f2c(stack.env, 'resume', handle.workflowId, '--detach', '--json');
    expect(stderr).toContain(`${fifty} keeps test=3\n`);
    const { run, changes } = JSON.parse(stdout);
    expect(changes).toEqual([`${fifty} keeps test=3`]);
    const resumed = runs.client.workflow.getHandle(run);
    expect(stepOf(await whileHeld(resumed, 1), fifty)).toMatchObject({
      status: 'done',
      with: { test: 3 },
      cache: expect.stringMatching(/^hit: /),
      metrics: { testIdentities: 3 },
    });
    await f2c(stack.env, 'skip', run, 'people[test=60]');
    const ended = await runs.ended(resumed);
    expect(stepOf(ended, 'report[test=50]').status).toBe('done');
    // What was measured on two and on three people does not compare.
    expect(stepOf(ended, 'table').error?.code).toBe('F2C_REPORTS_DIFFER');
  }, 180_000);

  it('goes on without a step that a person skips', async () => {
    const handle = await runs.start(held());
    await whileHeld(handle);
    const { stdout } = await f2c(stack.env, 'skip', handle.workflowId, fifty, '--who', 'ann', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ step: fifty, action: 'skip', who: 'ann' });
    const state = await runs.ended(handle);
    expect(state.status).toBe('done');
    expect(outcomes(state).slice(2)).toEqual([
      [fifty, 'skipped', 'skipped by a person'],
      ['report[test=2]', 'done'],
      ['report[test=50]', 'skipped', `needs ${fifty}, which was skipped`],
      ['table', 'done'],
    ]);
  }, 180_000);

  it('fails with the failure of the step when a person says so, and ends when it is cancelled', async () => {
    const [failing, cancelled] = [await runs.start(held()), await runs.start(held())];
    await Promise.all([whileHeld(failing), whileHeld(cancelled)]);
    const { stderr } = await f2c(stack.env, 'fail', failing.workflowId, 'people');
    expect(stderr).toBe(`F2C_STEP_UNKNOWN: The run has no step people. Waiting: ${fifty}.\n`);
    await failing.executeUpdate('answer', { args: [{ step: fifty, action: 'fail', who: '', note: '' }] });
    const state = await runs.ended(failing);
    expect(state.error?.message).toMatch(/^Step people\[test=50\] failed with F2C_TOO_FEW_IDENTITIES: /);
    expect(stepOf(state, fifty).answers).toEqual([{ action: 'fail', at: expect.any(Number) }]);
    expect(stepOf(state, 'table').status).toBe('skipped');
    await cancelled.cancel();
    const ended = await runs.ended(cancelled);
    expect([ended.status, stepOf(ended, fifty).status]).toEqual(['cancelled', 'cancelled']);
    const watched = await f2c(stack.env, 'watch', cancelled.workflowId);
    expect(watched.code).toBe(1);
    expect(watched.stderr).toContain(
      `\nF2C_RUN_CANCELLED: The run ${cancelled.workflowId} was cancelled. \`npx f2c resume ${cancelled.workflowId}\` goes on where it was.\n`,
    );
  }, 180_000);
});

describe('an expression without a value', () => {
  const divided = '${{ 1 / (steps.faces.identities - 6) }}';
  const yaml = `
name: dividing
summary: Divides by zero
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify('FOLDER')}, imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 2 } }
  report:
    uses: evaluate
    onFailure: hold
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: "${divided} people" }
  table: { uses: compare, onFailure: hold, when: "${divided.replace(' }}', ' > 1 }}')}", with: { reports: ["\${{ steps.report.report }}"] } }
`;

  it('is held as other failures are, and says where it stands', async () => {
    const handle = await runs.start(yaml.replace('FOLDER', folder));
    const run = handle.workflowId;
    const noValue = (of: string) => ({
      status: 'held',
      attempts: 0,
      error: { code: 'F2C_EXPRESSION_FAILED', message: `${of} has no value: it divides by zero.` },
    });
    expect(stepOf(await whileHeld(handle), 'report')).toMatchObject(noValue('`label` of report'));
    await f2c(stack.env, 'retry', run, 'report');
    const again = stepOf(await whileHeld(handle), 'report');
    expect(again).toMatchObject({ ...noValue('`label` of report'), answers: [{ action: 'retry' }] });
    expect((await f2c(stack.env, 'retry', run, 'report', '--with', 'embedding=pixels')).stderr).toContain(
      '`label`',
    );
    const { stdout } = await f2c(stack.env, 'retry', run, 'report', '--with', 'label=six people');
    expect(stdout).toContain('report: retry, label unset -> "six people"');
    const state = await eventually(async () => {
      const now = await whileHeld(handle);
      return stepOf(now, 'table').status === 'held' ? now : undefined;
    });
    const { status, artifact, with: changed } = stepOf(state, 'report');
    expect([status, changed]).toEqual(['done', { label: 'six people' }]);
    expect(artifact && (await runs.store.load(artifact)).from.params).toMatchObject({ label: 'six people' });
    expect(stepOf(state, 'table')).toMatchObject(noValue('`when` of table'));
    await f2c(stack.env, 'skip', run, 'table');
    expect(outcomes(await runs.ended(handle)).at(-1)).toEqual(['table', 'skipped', 'skipped by a person']);
  }, 120_000);
});

describe('approve', () => {
  const approving = (approve: string, more = '') => `
name: approving
summary: Splits six people when somebody says so
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(folder)}, imageSize: 32 } }
  people:
    uses: index
    approve: ${approve}
    ${more}
    with: { dataset: "\${{ steps.faces.dataset }}", test: 2 }
  report: { uses: evaluate, with: { index: "\${{ steps.people.index }}", embedding: pixels, label: x } }
`;

  it('waits before the work until somebody approves it, and says who did', async () => {
    const handle = await runs.start(approving('{ timeout: 3d }'));
    const run = handle.workflowId;
    const waiting = await whileHeld(handle);
    expect(outcomes(waiting).slice(1)).toEqual([
      ['people', 'awaiting approval'],
      ['report', 'waiting'],
    ]);
    expect(stepOf(waiting, 'people')).not.toHaveProperty('cache');
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toMatch(
      /\*\*people\*\* waits for approval\n\nAnswer with `npx f2c approve .* UTC: reject; or/,
    );
    expect(await refusalOf(handle, { step: 'people', action: 'retry' })).toMatchObject({
      type: 'F2C_ANSWER_INVALID',
      message: 'people is awaiting approval and takes approve, reject, not retry.',
    });
    const { stdout } = await f2c(
      stack.env,
      'approve',
      run,
      'people',
      '--who',
      'ann',
      '--note',
      'looked at it',
    );
    expect(stdout).toBe(`people: approve. \`npx f2c show ${run}\` shows the run.\n`);
    const state = await runs.ended(handle);
    expect(state.status).toBe('done');
    expect(stepOf(state, 'people').answers).toMatchObject([
      { action: 'approve', who: 'ann', note: 'looked at it' },
    ]);

    // What is in the store is not taken without a new approval.
    const again = await runs.start(approving('{}', 'onFailure: hold'));
    await whileHeld(again);
    const { stdout: shown } = await f2c(stack.env, 'show', again.workflowId);
    expect(shown).toContain(`\npeople waits for an answer: \`npx f2c approve ${again.workflowId} people\``);
    await f2c(stack.env, 'reject', again.workflowId, 'people', '--who', 'bob', '--note', 'not now');
    const rejected = await runs.ended(again);
    expect(rejected.error?.message).toBe(
      'Step people failed with F2C_STEP_REJECTED: The step was rejected by bob: not now.',
    );
    expect(stepOf(rejected, 'report').status).toBe('skipped');
  }, 180_000);

  it('does what the pipeline says when nobody answers in time', async () => {
    const approved = await runs.ended(await runs.start(approving('{ timeout: 1s, default: approve }')));
    expect(approved.status).toBe('done');
    expect(stepOf(approved, 'people').answers).toMatchObject([
      { action: 'approve', note: 'nobody answered in time' },
    ]);
    const rejected = await runs.ended(await runs.start(approving('{ timeout: 1s }', 'onFailure: continue')));
    expect(rejected.status).toBe('done');
    expect(stepOf(rejected, 'people')).toMatchObject({
      status: 'failed',
      tolerated: true,
      error: { code: 'F2C_STEP_REJECTED', message: 'The step was rejected: nobody answered in time.' },
    });
    expect(stepOf(rejected, 'report')).toMatchObject({ status: 'skipped', tolerated: true });
  }, 120_000);
});

/** The state of a run once nothing of it goes on and a step waits for a person, or so many are held. */
function whileHeld(handle: WorkflowHandle, steps?: number): Promise<RunState> {
  return eventually(async () => {
    const state = await handle.query<RunState>('state');
    const busy = state.steps.some(({ status }) => status === 'running' || status === 'retrying');
    const held = state.steps.filter(({ status }) => status === 'held').length;
    return state.status === 'held' && !busy && held === (steps ?? held) ? state : undefined;
  });
}

async function refusalOf(handle: WorkflowHandle, answer: unknown): Promise<ApplicationFailure> {
  const error: unknown = await handle.executeUpdate('answer', { args: [answer] }).catch((reason) => reason);
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure))
    throw error;
  return error.cause;
}

it('every history of these runs is replayed to the same commands', async () => {
  const histories = await runs.histories();
  expect(histories.length).toBeGreaterThan(5);
  expect(await replayed(histories)).toEqual(
    histories.map(({ workflowId }) => ({ workflowId, error: undefined })),
  );
}, 120_000);
