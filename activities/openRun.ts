import { Context } from '@temporalio/activity';
import { type WorkflowExecutionDescription, WorkflowNotFoundError } from '@temporalio/client';

/** A workflow that has not ended, also if Temporal was told to pause it; undefined if it has, or is not known. */
export async function openRun(
  workflow: string,
  execution: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    const run = await Context.current().client.workflow.getHandle(workflow, execution).describe();
    return ['RUNNING', 'PAUSED'].includes(run.status.name) ? run : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
