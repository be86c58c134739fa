import { F2cError } from '../errors/failure.ts';
import { serversAreNamed, stackEnv } from '../local/env.ts';
import { runningStack } from '../local/handle.ts';
import { homeFolder } from '../local/paths.ts';

/**
 * Makes the embedded stack the servers of this process, unless its environment names some: everything that a worker
 * starts reads that. F2C_TEMPORAL_UNREACHABLE.
 */
export function useServers(): void {
  if (serversAreNamed(process.env)) return;
  const home = homeFolder();
  const run = runningStack(home);
  if (run === undefined) {
    throw new F2cError('F2C_TEMPORAL_UNREACHABLE', {
      what: 'No Temporal server is named, and the embedded stack is not running',
      where: home,
      fix: 'Start it with `npx f2c up`, or set TEMPORAL_ADDRESS and AWS_ENDPOINT_URL_S3 to use servers of your own',
    });
  }
  process.env = stackEnv(process.env, run.env);
}
