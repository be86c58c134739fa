import {
  type Client,
  type WorkflowHandle,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { isErrorCode } from '../errors/catalogue.ts';
import { F2cError } from '../errors/failure.ts';

/** Longer than a control worker takes to check params, and short enough for a person to wait. */
const patienceMs = 60_000;

/** Sends an update to a run and gives what the run says; F2C_WORKER_MISSING, and whatever the run refuses it with. */
export async function sendUpdate<Given>(
  client: Client,
  handle: WorkflowHandle,
  name: 'answer' | 'pause' | 'continue',
  given: Given,
): Promise<string> {
  try {
    return await client.withDeadline(Date.now() + patienceMs, () =>
      handle.executeUpdate<string, [Given]>(name, { args: [given] }),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
      throw new F2cError('F2C_WORKER_MISSING', {
        what: `No control worker took the update ${name} for the run ${handle.workflowId}`,
        fix: 'Start one: `node --import tsx workers/main.ts --role control`; it may still take it',
        cause: error,
      });
    }
    const refusal = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
    if (!(refusal instanceof ApplicationFailure) || !isErrorCode(refusal.type)) throw error;
    throw new F2cError(refusal.type, { what: refusal.message, cause: error });
  }
}
