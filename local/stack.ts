import { stackEnv } from './env.ts';
import type { KeptPart, Part, Start } from './keep.ts';
import { keepRunning } from './keep.ts';
import { lockHome } from './lock.ts';
import { choosePorts } from './ports.ts';
import type { StackAddresses } from './record.ts';
import { startS3 } from './s3.ts';
import { startTemporal } from './temporal.ts';
import { startWorker, workerRoles } from './worker.ts';

export interface Stack {
  /** What everything that uses the stack needs in its environment; see `stackEnv`. */
  readonly env: Record<string, string>;
  readonly addresses: StackAddresses;
  /** Ends the workers, then the servers; nothing is left running. */
  stop(): Promise<void>;
}

export interface StackOptions {
  home: string;
  workers: boolean;
  /** The user's environment; F2C_*_PORT are read from it and the workers inherit it. */
  env?: NodeJS.ProcessEnv;
  onProgress?: (line: string) => void;
}

/** The SDK's version is pinned, so that its notice about Node versions of later releases is noise. */
const quietSdk = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' };

/**
 * Starts Temporal, S3 and, if asked for, one worker of each role as children of this process, over the data
 * in `home`. A part that dies is started again on the same data and ports.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { home, workers: withWorkers, env: userEnv = process.env, onProgress = () => {} } = options;
  const unlock = lockHome(home);
  const servers: KeptPart<Part>[] = [];
  const workers: KeptPart<Part>[] = [];
  const stop = async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all(servers.map((server) => server.stop()));
    unlock();
  };
  const keep = async <P extends Part>(name: string, list: KeptPart<Part>[], start: Start<P>): Promise<P> => {
    const kept = await keepRunning(start, (event) => onProgress(`${name} ${event}`));
    list.push(kept);
    return kept.first;
  };

  try {
    const ports = await choosePorts(home, userEnv);
    const [temporal, s3] = await allSettled([
      keep('Temporal', servers, (signal) => startTemporal({ home, ports, signal })),
      keep('S3', servers, (signal) => startS3({ home, ports, signal })),
    ]);
    const env = { ...temporal.env, ...s3.env, F2C_HOME: home, ...quietSdk };
    if (withWorkers) {
      const workerEnv = stackEnv(userEnv, env);
      const start = (role: (typeof workerRoles)[number]) =>
        keep(`The ${role} worker`, workers, (signal) => startWorker({ role, home, env: workerEnv, signal }));
      await allSettled(workerRoles.map(start));
    }
    const addresses = {
      temporal: temporal.env.TEMPORAL_ADDRESS,
      temporalUi: temporal.uiAddress,
      s3: s3.env.AWS_ENDPOINT_URL_S3,
    };
    return { env, addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Fails with the first failure, but not before all have ended, so that each that has started can be stopped. */
async function allSettled<T extends readonly Promise<unknown>[] | []>(parts: T) {
  await Promise.allSettled(parts);
  return Promise.all(parts);
}
