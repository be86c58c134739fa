import {
  Client,
  Connection,
  isGrpcServiceError,
  NamespaceNotFoundError,
  ServiceError,
} from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { TaskQueues } from '../activities/taskQueues.ts';
import { F2cError } from '../errors/failure.ts';
import { type Servers, withServers } from './servers.ts';
import { firstLine } from './text.ts';

/** Servers with a connection to Temporal. */
export interface Session extends Servers {
  client: Client;
}

/** Gives `work` a session and closes it whatever happens; see `withServers`. */
export function withSession(
  options: { start: boolean },
  work: (session: Session) => Promise<void>,
): Promise<void> {
  return withServers(options, async (servers) => {
    const { connection, namespace } = await connect(servers.env);
    try {
      await work({ ...servers, client: new Client({ connection, namespace }) });
    } catch (error) {
      throw temporalFailure(error) ?? error;
    } finally {
      await connection.close();
    }
  });
}

/** The page of a run in Temporal's own UI, if the address of that is known. */
export function pageOf(run: string, { webUi, client }: Session): string | undefined {
  return webUi && `${webUi}/namespaces/${client.options.namespace}/workflows/${run}`;
}

/** The queues of the steps that run on the servers. */
export function queuesOf({ client }: Session): TaskQueues {
  return new TaskQueues(client.workflowService, client.options.namespace);
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

/** Status codes of gRPC with which a server says that it cannot be reached or is busy. */
const unreachable = [1, 4, 8, 14];

/** What Temporal refuses or no longer answers, told as a failure of the server. */
function temporalFailure(error: unknown): F2cError | undefined {
  if (!(error instanceof ServiceError) && !(error instanceof NamespaceNotFoundError)) return undefined;
  const cause = error.cause instanceof Error ? error.cause : error;
  if (isGrpcServiceError(cause) && unreachable.includes(cause.code)) {
    return new F2cError('F2C_TEMPORAL_UNREACHABLE', {
      what: `The Temporal server does not answer: ${firstLine(cause.message)}`,
      fix: 'See that it runs, and that the TEMPORAL_* variables name it',
      cause: error,
    });
  }
  return new F2cError('F2C_TEMPORAL_REFUSED', {
    what: `Temporal did not do what was asked: ${firstLine(cause.message)}`,
    fix: 'See that the TEMPORAL_* variables are right',
    cause: error,
  });
}
