import {
  isGrpcServiceError,
  QueryNotRegisteredError,
  ServiceError,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { F2cError } from '../errors/failure.ts';
import type { RunState } from '../workflows/runTypes.ts';
import { cutOff } from '../workflows/times.ts';
import type { DescribedRun } from './runs.ts';

/** Status codes of gRPC. */
const grpc = { deadlineExceeded: 4, failedPrecondition: 9 };

/** Temporal's WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND: something happened meanwhile; the next try sees it. */
const unhandledCommand = 1;

/** Events of a run that was ended before its workflow did anything: there is nobody to ask. */
const eventsBeforeWork = 4;

/**
 * The state of a run as its workflow tells it; that it was terminated only Temporal knows. F2C_RUN_STUCK,
 * F2C_WORKER_MISSING.
 */
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
  const state = await askState(handle, info);
  const open = ['compiling', 'queued', 'running', 'paused', 'held'].includes(state.status);
  if (info.status.name === 'RUNNING' || !open) return state;
  const { paused: _, waitsFor: __, ...rest } = state;
  return { ...rest, status: 'terminated', endedAt, steps: state.steps.map((step) => cutOff(step, endedAt)) };
}

async function askState(handle: WorkflowHandle, info: WorkflowExecutionDescription): Promise<RunState> {
  // While the workflow fails, Temporal would keep the query for half a minute.
  if ((info.raw.pendingWorkflowTask?.attempt ?? 1) > 1) await refuseStuck(handle, info);
  try {
    return await handle.query<RunState>('state');
  } catch (error) {
    if (error instanceof QueryNotRegisteredError) throw stuck(info, error.message, error);
    if (!isUnanswered(error)) throw error;
    await refuseStuck(handle, info);
    throw new F2cError('F2C_WORKER_MISSING', {
      what: `No control worker answers for the run ${info.workflowId}`,
      fix: 'Start one: `node --import tsx workers/main.ts --role control`',
      cause: error,
    });
  }
}

/** Temporal is there, but no worker has answered the query. */
function isUnanswered(error: unknown): error is ServiceError {
  if (!(error instanceof ServiceError) || !isGrpcServiceError(error.cause)) return false;
  return [grpc.deadlineExceeded, grpc.failedPrecondition].includes(error.cause.code);
}

/** F2C_RUN_STUCK if the newest workflow task has failed. */
async function refuseStuck({ client }: WorkflowHandle, info: WorkflowExecutionDescription): Promise<void> {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId: info.workflowId, runId: info.runId },
    maximumPageSize: 100,
  });
  for (const event of history?.events ?? []) {
    if (event.workflowTaskCompletedEventAttributes) return;
    const failed = event.workflowTaskFailedEventAttributes;
    if (failed && failed.cause !== unhandledCommand)
      throw stuck(info, failed.failure?.message ?? 'its workflow task failed');
  }
}

function stuck({ workflowId }: WorkflowExecutionDescription, why: string, cause?: Error): F2cError {
  return new F2cError('F2C_RUN_STUCK', {
    what: `The run ${workflowId} cannot be read, since its workflow fails on the control worker: ${why}`,
    fix:
      'Run the worker with the code that the run was started with, or mend it: then the run goes on. Or ' +
      "terminate the run in Temporal's UI and resume it",
    cause,
  });
}
