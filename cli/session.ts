import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { type ArtifactStore, openStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import { runningStack } from '../local/handle.ts';
import { homeFolder } from '../local/paths.ts';
import { stackEnv, startStack } from '../local/stack.ts';
import { news } from './output.ts';

/** Everything a command talks to. */
export interface Session {
  client: Client;
  store: ArtifactStore;
  namespace: string;
  /** Address of Temporal's own UI, if it is known. */
  webUi: string | undefined;
  /** True when the stack was started for this command alone and ends with it. */
  temporary: boolean;
  close(): Promise<void>;
}

/**
 * Connects to the servers that TEMPORAL_* and AWS_* name, or to the embedded stack when nothing is set. With
 * `start`, an embedded stack that is not running is started for the time of the command.
 */
export async function openSession({ start = false }: { start?: boolean } = {}): Promise<Session> {
  const { env, webUi, stop } = await servers(start);
  try {
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({
      overrideEnvVars: env as Record<string, string>,
    });
    const connection = await connect(connectionOptions);
    const store = openStore(env);
    await store.ensureBucket();
    return {
      client: new Client({ connection, namespace }),
      store,
      namespace,
      webUi,
      temporary: stop !== undefined,
      close: async () => {
        await connection.close();
        await stop?.();
      },
    };
  } catch (error) {
    await stop?.();
    throw error;
  }
}

/** Gives `work` a session and closes it whatever happens. */
export async function withSession(work: (session: Session) => Promise<void>): Promise<void> {
  const session = await openSession();
  try {
    await work(session);
  } finally {
    await session.close();
  }
}

interface Servers {
  env: NodeJS.ProcessEnv;
  webUi: string | undefined;
  stop?: () => Promise<void>;
}

async function servers(start: boolean): Promise<Servers> {
  if (serversAreConfigured(process.env)) return { env: process.env, webUi: undefined };
  const home = homeFolder();
  const running = runningStack(home);
  if (running !== undefined) {
    return { env: stackEnv(process.env, running.env), webUi: running.addresses.temporalUi };
  }
  if (!start) {
    throw new F2cError('F2C_STACK_DOWN', {
      what: 'The embedded stack is not running',
      where: home,
      fix: 'Start it with `npx f2c up`, or set TEMPORAL_ADDRESS and AWS_ENDPOINT_URL_S3 to use servers of your own',
    });
  }
  const stack = await startStack({ home, workers: true, onProgress: news });
  return {
    env: stackEnv(process.env, stack.env),
    webUi: stack.addresses.temporalUi,
    stop: () => stack.stop(),
  };
}

function serversAreConfigured(env: NodeJS.ProcessEnv): boolean {
  return ['TEMPORAL_ADDRESS', 'TEMPORAL_PROFILE', 'TEMPORAL_CONFIG_FILE'].some((name) => Boolean(env[name]));
}

async function connect(options: Parameters<typeof Connection.connect>[0]): Promise<Connection> {
  try {
    return await Connection.connect(options);
  } catch (error) {
    throw new F2cError('F2C_TEMPORAL_UNREACHABLE', {
      what: 'The Temporal server does not answer',
      where: options?.address ?? 'localhost:7233',
      fix: 'Start it, or correct TEMPORAL_ADDRESS',
      cause: error,
    });
  }
}
