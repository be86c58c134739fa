import { userInfo } from 'node:os';
import {
  type Client,
  type WorkflowHandle,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { isErrorCode } from '../../errors/catalogue.ts';
import { F2cError } from '../../errors/failure.ts';
import type { Answer } from '../../workflows/answers.ts';
import type { Action } from '../../workflows/runTypes.ts';
import type { AnswerOptions } from '../commands/answers.ts';
import { print } from '../output.ts';
import { readParams } from '../params.ts';
import { type DescribedRun, describeRun } from '../runs.ts';
import { withSession } from '../session.ts';

/** Longer than a control worker takes to check params, and short enough for a person to wait. */
const patienceMs = 60_000;

/** Answers a step that waits; F2C_STEP_UNKNOWN, F2C_STEP_NOT_WAITING, F2C_ANSWER_INVALID. */
export function answer(run: string, step: string, action: Action, options: AnswerOptions): Promise<void> {
  const { with: changes, who = userInfo().username, note } = options;
  const given: Answer = {
    step,
    action,
    who,
    ...(note !== undefined && { note }),
    ...(changes !== undefined && { with: readParams(changes, '--with') }),
  };
  return withSession({ start: false }, async ({ client }) => {
    const described = await describeRun(client, run);
    refuseEnded(described);
    const told = await send(client, described.handle, given);
    print(options, { run, ...given, told }, `${told}. \`npx f2c show ${run}\` shows the run.`);
  });
}

function refuseEnded({ info: { workflowId: run, status } }: DescribedRun): void {
  if (status.name === 'RUNNING') return;
  throw new F2cError('F2C_STEP_NOT_WAITING', {
    what: `The run ${run} has ended, so nothing of it waits for an answer`,
    fix: `\`npx f2c show ${run}\` shows it; one that failed goes on with \`npx f2c resume ${run}\``,
  });
}

async function send(client: Client, handle: WorkflowHandle, given: Answer): Promise<string> {
  try {
    return await client.withDeadline(Date.now() + patienceMs, () =>
      handle.executeUpdate<string, [Answer]>('answer', { args: [given] }),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
      throw new F2cError('F2C_WORKER_MISSING', {
        what: `No control worker took the answer for the run ${handle.workflowId}`,
        fix: 'Start one: `node --import tsx workers/main.ts --role control`; it may still take this answer',
        cause: error,
      });
    }
    const refusal = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
    if (!(refusal instanceof ApplicationFailure) || !isErrorCode(refusal.type)) throw error;
    throw new F2cError(refusal.type, { what: refusal.message, cause: error });
  }
}
