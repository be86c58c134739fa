import { Client, Connection, NamespaceNotFoundError, ServiceError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { type ArtifactStore, openStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import { runningStack } from '../local/handle.ts';
import { homeFolder } from '../local/paths.ts';
import { stackEnv, startStack } from '../local/stack.ts';
import { news } from './output.ts';
import { firstLine } from './text.ts';

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
async function openSession({ start }: { start: boolean }): Promise<Session> {
  const { env, webUi, stop } = await servers(start);
  try {
    const { connection, namespace } = await connect(env);
    return {
      client: new Client({ connection, namespace }),
      store: openStore(env),
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
export async function withSession(
  options: { start: boolean },
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const session = await openSession(options);
  try {
    await work(session);
  } catch (error) {
    throw temporalFailure(error) ?? error;
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

async function connect(env: NodeJS.ProcessEnv): Promise<{ connection: Connection; namespace: string }> {
  try {
    const config = loadClientConnectConfig({ overrideEnvVars: env as Record<string, string> });
    const { connectionOptions, namespace = 'default' } = config;
    return { connection: await Connection.connect(connectionOptions), namespace };
  } catch (error) {
    throw new F2cError('F2C_TEMPORAL_UNREACHABLE', {
      what: `The Temporal server cannot be reached: ${firstLine((error as Error).message)}`,
      where: env.TEMPORAL_ADDRESS ?? env.TEMPORAL_PROFILE,
      fix: 'Start it, or correct the TEMPORAL_* variables',
      cause: error,
    });
  }
}

/** What Temporal refuses or no longer answers, told as a failure of the server. */
function temporalFailure(error: unknown): F2cError | undefined {
  if (!(error instanceof ServiceError) && !(error instanceof NamespaceNotFoundError)) return undefined;
  const { message } = error.cause instanceof Error ? error.cause : error;
  return new F2cError('F2C_TEMPORAL_UNREACHABLE', {
    what: `Temporal did not do what was asked: ${firstLine(message)}`,
    fix: 'See that the server and a control worker run, and that the TEMPORAL_* variables are right',
    cause: error,
  });
}
