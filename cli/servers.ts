import { F2cError } from '../errors/failure.ts';
import { serversAreNamed, stackEnv } from '../local/env.ts';
import { borrowStack, runningStack } from '../local/handle.ts';
import { homeFolder } from '../local/paths.ts';
import type { StackRun } from '../local/record.ts';
import { news } from './output.ts';
import { tellOwnSteps } from './ownSteps.ts';

/** The servers that a command talks to. */
export interface Servers {
  /** Names them in the variables that every client reads. */
  env: NodeJS.ProcessEnv;
  /** Address of Temporal's own UI; known of the embedded stack alone. */
  webUi: string | undefined;
  /** The servers stay, end with a command, or have ended already. */
  fate(): 'stay' | 'end' | 'ended';
}

/**
 * Gives `work` the servers that TEMPORAL_* and AWS_* name, or the embedded stack when nothing is set. With
 * `start`, an embedded stack that is not running is started for the time of the command. F2C_STACK_DOWN.
 */
export async function withServers(
  { start }: { start: boolean },
  work: (servers: Servers) => Promise<void>,
): Promise<void> {
  if (serversAreNamed(process.env)) {
    return work({ env: process.env, webUi: undefined, fate: () => 'stay' });
  }
  const home = homeFolder();
  const { run, giveBack } = start
    ? await borrowStack(home, news)
    : { run: stackOf(home), giveBack: async () => {} };
  if (run.endsWith !== undefined && run.endsWith !== process.pid) {
    news(`This stack ends with the run of process ${run.endsWith}; \`npx f2c up\` makes it stay.`);
  }
  tellOwnSteps(run);
  try {
    await work({
      env: stackEnv(process.env, run.env),
      webUi: run.addresses.temporalUi,
      fate: () => fateOf(run, home),
    });
  } finally {
    await giveBack();
  }
}

function stackOf(home: string): StackRun {
  const run = runningStack(home);
  if (run !== undefined) return run;
  throw new F2cError('F2C_STACK_DOWN', {
    what: 'The embedded stack is not running',
    where: home,
    fix: 'Start it with `npx f2c up`, or set TEMPORAL_ADDRESS and AWS_ENDPOINT_URL_S3 to use servers of your own',
  });
}

function fateOf({ startedAt }: StackRun, home: string): ReturnType<Servers['fate']> {
  const now = runningStack(home);
  if (now?.startedAt !== startedAt) return 'ended';
  return now.endsWith === undefined ? 'stay' : 'end';
}
