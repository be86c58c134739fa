import { randomBytes } from 'node:crypto';
import {
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { RunInput } from '../activities/control.ts';
import { F2cError } from '../errors/failure.ts';
import type { RunState } from '../workflows/runTypes.ts';

export const workflowType = 'runPipeline';
export const controlQueue = 'control';

/** Run ids say what and when: "quickstart-20260401-093015-x7k2". */
export function newRunId(pipeline: string, now = new Date()): string {
  const time = now.toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '-');
  return `${pipeline}-${time}-${randomBytes(2).toString('hex')}`;
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

export interface DescribedRun {
  handle: WorkflowHandle;
  info: WorkflowExecutionDescription;
}

/** What Temporal says of a run; F2C_RUN_UNKNOWN if there is none. */
export async function describeRun(client: Client, id: string): Promise<DescribedRun> {
  const handle = client.workflow.getHandle(id);
  try {
    return { handle, info: await handle.describe() };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new F2cError('F2C_RUN_UNKNOWN', {
      what: `There is no run ${id}`,
      fix: '`npx f2c list` shows the runs',
      cause: error,
    });
  }
}

/** Events of a run that was ended before its workflow did anything: there is nobody to ask. */
const eventsBeforeWork = 4;

/** The state of a run as its workflow tells it; that it was terminated only Temporal knows. */
export async function queryState({ handle, info }: DescribedRun): Promise<RunState> {
  const endedAt = info.closeTime?.getTime() ?? Date.now();
  if (info.status.name !== 'RUNNING' && info.historyLength <= eventsBeforeWork) {
    const startedAt = info.startTime.getTime();
    return {
      pipeline: '',
      summary: '',
      source: '',
      params: {},
      status: 'terminated',
      startedAt,
      endedAt,
      steps: [],
    };
  }
  const state = await handle.query<RunState>('state');
  const open = state.status === 'compiling' || state.status === 'running';
  if (info.status.name === 'RUNNING' || !open) return state;
  return { ...state, status: 'terminated', endedAt };
}

/** What started a run, read from the first event of its history. */
export async function inputOf(
  client: Client,
  { workflowId, runId }: WorkflowExecutionDescription,
): Promise<RunInput> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const [payload] = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const input = payload && defaultPayloadConverter.fromPayload<Partial<RunInput> | null>(payload);
  if (typeof input?.pipeline === 'string') return { ...input, pipeline: input.pipeline };
  throw new F2cError('F2C_RUN_NOT_RESUMABLE', {
    what: `The run ${workflowId} was not started with a pipeline`,
    fix: 'Start a new run with `npx f2c run`',
  });
}
