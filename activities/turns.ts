import { activityInfo, Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { ArtifactStore } from '../artifacts/store.ts';
import { type Execution, leavePlace, takePlace } from '../artifacts/turns.ts';
import { openRun } from './openRun.ts';

/** What a run says that waits for its turn, and when it is over. */
export interface TurnRequest {
  pipeline: string;
  /** Runs of the pipeline that may go on at a time. */
  limit: number;
}

/** Ids of the runs before this one, among those that go on and those that wait. */
export async function takeTurn(store: ArtifactStore, { pipeline }: TurnRequest): Promise<string[]> {
  const ahead = await takePlace(store.bucket, pipeline, ownExecution(), isOpen);
  return ahead.map(({ run }) => run);
}

/** Lets the next run go, and wakes it. */
export async function endTurn(store: ArtifactStore, { pipeline, limit }: TurnRequest): Promise<void> {
  const next = await leavePlace(store.bucket, pipeline, ownExecution(), { limit, isOpen });
  if (next === undefined) return;
  try {
    await Context.current().client.workflow.getHandle(next.run, next.execution).signal('turn');
  } catch (error) {
    // It has ended this moment, and wakes the one behind it itself.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

function ownExecution(): Execution {
  const { workflowExecution } = activityInfo();
  if (workflowExecution === undefined) throw new Error('a turn is taken by a run');
  return { run: workflowExecution.workflowId, execution: workflowExecution.runId };
}

async function isOpen({ run, execution }: Execution): Promise<boolean> {
  return (await openRun(run, execution)) !== undefined;
}
