import { randomBytes } from 'node:crypto';
import {
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { RunInput } from '../activities/control.ts';
import { F2cError } from '../errors/failure.ts';
import type { RunState } from '../workflows/runTypes.ts';

export const workflowType = 'runPipeline';
export const controlQueue = 'control';

/** Run ids say what and when: "quickstart-20260401-093015-x7k2". */
export function newRunId(pipeline: string, now = new Date()): string {
  const time = now.toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '-');
  return `${pipeline}-${time}-${randomBytes(3).toString('hex').slice(0, 4)}`;
}

/** Starts a run; `resumedFrom` links it to the run whose work it goes on with. */
export function startRun(
  client: Client,
  { name, input, resumedFrom }: { name: string; input: RunInput; resumedFrom?: string },
): Promise<WorkflowHandle> {
  return client.workflow.start(workflowType, {
    workflowId: newRunId(name),
    taskQueue: controlQueue,
    args: [input],
    staticSummary:
      resumedFrom === undefined ? `Pipeline ${name}` : `Pipeline ${name}, resumes ${resumedFrom}`,
    ...(resumedFrom === undefined ? {} : { memo: { resumedFrom } }),
  });
}

/** What started a run, read from the first event of its history. */
export async function inputOf(handle: WorkflowHandle): Promise<RunInput> {
  const { events } = await handle.fetchHistory();
  const payload = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  return JSON.parse(Buffer.from(payload?.data ?? []).toString('utf8'));
}

/** The state of a run, and what Temporal says of it; F2C_RUN_UNKNOWN if there is none. */
export async function describeRun(
  client: Client,
  id: string,
): Promise<{ handle: WorkflowHandle; info: WorkflowExecutionDescription; state: RunState }> {
  const handle = client.workflow.getHandle(id);
  try {
    const info = await handle.describe();
    return { handle, info, state: await handle.query<RunState>('state') };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new F2cError('F2C_RUN_UNKNOWN', {
      what: `There is no run ${id}`,
      fix: '`npx f2c list` shows the runs',
      cause: error,
    });
  }
}
