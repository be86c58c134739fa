import type { WorkflowHandle } from '@temporalio/client';
import { beforeAll, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { eventually } from '../test/support/runs.ts';
import { folder, runs, stack, withStack } from '../test/support/served.ts';
import { writePeople } from './people.fixture.ts';
import type { RunState } from './runTypes.ts';

withStack();
beforeAll(() => writePeople(folder));

it('runs of a pipeline wait for their turn, in the order in which they came', async () => {
  const first = await start(2);
  await status(first, 'held');
  const second = await start(2);
  await status(second, 'held');
  const third = await start(2);
  const waiting = await status(third, 'queued');
  expect(waiting.waitsFor).toEqual([first.workflowId, second.workflowId]);
  expect(waiting.steps.map((step) => step.status)).toEqual(['waiting']);
  const told = `waits for its turn, behind ${first.workflowId} and 1 more`;
  const { currentDetails } = await third.query<{ currentDetails: string }>('__temporal_workflow_metadata');
  expect(currentDetails).toContain(`Status: **queued** · ${told}`);
  const { stdout: shown } = await f2c(stack.env, 'show', third.workflowId);
  expect(shown).toContain(`Status     queued  ${told}\n`);

  const fourth = await start(2);
  await status(fourth, 'queued');
  await third.cancel();
  expect((await runs.ended(third)).status).toBe('cancelled');
  await approve(second);
  expect((await runs.ended(second)).status).toBe('done');
  // Woken by the one that ended, not by its own look.
  const { waitsFor } = await status(fourth, 'held');
  expect(waitsFor).toBeUndefined();
  const { events } = await fourth.fetchHistory();
  expect(events?.some(({ workflowExecutionSignaledEventAttributes: by }) => by?.signalName === 'turn')).toBe(
    true,
  );
  for (const run of [first, fourth]) {
    await approve(run);
    expect((await runs.ended(run)).status).toBe('done');
  }
});

it('a run that was terminated does not hold up the others', async () => {
  const first = await start(1);
  await status(first, 'held');
  const second = await start(1);
  await status(second, 'queued');
  await first.terminate();
  await status(second, 'held');
  await approve(second);
  expect((await runs.ended(second)).status).toBe('done');
});

function start(concurrency: number): Promise<WorkflowHandle> {
  return runs.start(`
name: one-of-${concurrency}
summary: Waits for a person, and others wait for it
concurrency: ${concurrency}
steps:
  faces: { uses: ingest, approve: {}, with: { source: ${JSON.stringify(folder)}, imageSize: 32 } }
`);
}

function status(handle: WorkflowHandle, wanted: RunState['status']): Promise<RunState> {
  return eventually(async () => {
    const state = await handle.query<RunState>('state');
    return state.status === wanted ? state : undefined;
  });
}

async function approve(handle: WorkflowHandle): Promise<void> {
  await handle.executeUpdate('answer', { args: [{ step: 'faces', action: 'approve' }] });
}
