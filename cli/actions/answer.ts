import { userInfo } from 'node:os';
import { F2cError } from '../../errors/failure.ts';
import type { Answer } from '../../workflows/answers.ts';
import type { Action } from '../../workflows/runTypes.ts';
import type { AnswerOptions } from '../commands/answers.ts';
import { print } from '../output.ts';
import { readParams } from '../params.ts';
import { type DescribedRun, describeRun } from '../runs.ts';
import { withSession } from '../session.ts';
import { sendUpdate } from '../updates.ts';

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
    const told = await sendUpdate(client, described.handle, 'answer', given);
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
