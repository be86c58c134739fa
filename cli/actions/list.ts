import {
  type WorkflowExecutionInfo,
  type WorkflowExecutionStatusName,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { TaskQueues } from '../../activities/taskQueues.ts';
import type { RunState } from '../../workflows/runTypes.ts';
import { unservedQueues } from '../atQueue.ts';
import { type OutputOptions, print } from '../output.ts';
import { workflowType } from '../runs.ts';
import { queuesOf, type Session, withSession } from '../session.ts';
import { columns, duration } from '../text.ts';

/** Temporal's words for the states of a run in ours, which `show` has from the run itself. */
const states: Partial<Record<WorkflowExecutionStatusName, RunState['status']>> = {
  RUNNING: 'running',
  COMPLETED: 'done',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
};

/** Temporal does not know that a run which goes on waits for a person or is paused. */
function statusOf({ status, searchAttributes }: WorkflowExecutionInfo): RunState['status'] {
  const own = searchAttributes.f2cState?.[0];
  if (status.name === 'RUNNING' && (own === 'held' || own === 'paused' || own === 'queued')) return own;
  return states[status.name] ?? 'terminated';
}

export function list(options: OutputOptions & { limit: number }): Promise<void> {
  return withSession({ start: false }, async (session) => {
    const { client } = session;
    const queues = queuesOf(session);
    const runs = [];
    for await (const run of client.workflow.list({ query: `WorkflowType = '${workflowType}'` })) {
      if (runs.length >= options.limit) break;
      const { workflowId, startTime, closeTime, memo, searchAttributes, status } = run;
      runs.push({
        run: workflowId,
        pipeline: String(searchAttributes.f2cPipeline?.[0] ?? ''),
        status: statusOf(run),
        started: startTime.toISOString(),
        seconds: closeTime === undefined ? null : (closeTime.getTime() - startTime.getTime()) / 1_000,
        resumedFrom: memo?.resumedFrom ?? null,
        unserved: status.name === 'RUNNING' ? await unservedIn(session, workflowId, queues) : [],
      });
    }
    // The server gives those that ended last first.
    runs.sort((a, b) => b.started.localeCompare(a.started));
    const rows = runs.map((run) => [
      run.run,
      run.pipeline,
      run.unserved.length === 0 ? run.status : `${run.status}, no worker for ${run.unserved.join(', ')}`,
      run.started.slice(0, 19).replace('T', ' '),
      run.seconds === null ? '' : duration(run.seconds * 1_000),
      String(run.resumedFrom ?? ''),
    ]);
    const table = columns([['Run', 'Pipeline', 'Status', 'Started (UTC)', 'Time', 'Resumes'], ...rows]);
    print(options, runs, runs.length === 0 ? 'No runs yet. Start one with `npx f2c run quickstart`.' : table);
  });
}

/** Queues with work of a run that no worker will take; none of a run that is gone meanwhile. */
async function unservedIn({ client }: Session, run: string, queues: TaskQueues): Promise<string[]> {
  try {
    return await unservedQueues(await client.workflow.getHandle(run).describe(), queues);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return [];
    throw error;
  }
}
