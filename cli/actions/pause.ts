import { userInfo } from 'node:os';
import { F2cError } from '../../errors/failure.ts';
import type { PauseRequest } from '../../workflows/pauseRequests.ts';
import type { PauseOptions } from '../commands/pauses.ts';
import { print } from '../output.ts';
import { describeRun } from '../runs.ts';
import { withSession } from '../session.ts';
import { sendUpdate } from '../updates.ts';

/**
 * Pauses a run or one of its steps, or goes on with it; F2C_STEP_UNKNOWN, F2C_NOTHING_TO_PAUSE,
 * F2C_PAUSED_ALREADY, F2C_NOT_PAUSED.
 */
export function pause(
  run: string,
  step: string | undefined,
  update: 'pause' | 'continue',
  { who = userInfo().username, note, ...options }: PauseOptions,
): Promise<void> {
  const why = { who, ...(note !== undefined && { note }) };
  const request: PauseRequest = { ...(step !== undefined && { step }), ...(update === 'pause' && why) };
  return withSession({ start: false }, async ({ client }) => {
    const { handle, info } = await describeRun(client, run);
    if (info.status.name !== 'RUNNING') {
      throw new F2cError(update === 'pause' ? 'F2C_NOTHING_TO_PAUSE' : 'F2C_NOT_PAUSED', {
        what: `The run ${run} has ended`,
        fix: `\`npx f2c show ${run}\` shows it; one that failed or was cancelled goes on with \`npx f2c resume ${run}\``,
      });
    }
    const told = await sendUpdate(client, handle, update, request);
    print(options, { run, ...request, told }, `${told}. \`npx f2c show ${run}\` shows the run.`);
  });
}
