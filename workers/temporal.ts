import { loadClientConnectConfig } from '@temporalio/envconfig';
import proto from '@temporalio/proto';
import { NativeConnection, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { F2cError } from '../errors/failure.ts';
import { searchAttributes, typeNames } from '../workflows/attributes.ts';

const { INDEXED_VALUE_TYPE_KEYWORD, INDEXED_VALUE_TYPE_KEYWORD_LIST } =
  proto.temporal.api.enums.v1.IndexedValueType;
const indexedTypes = {
  KEYWORD: INDEXED_VALUE_TYPE_KEYWORD,
  KEYWORD_LIST: INDEXED_VALUE_TYPE_KEYWORD_LIST,
};

/** Status codes of gRPC. */
const grpc = { invalidArgument: 3, alreadyExists: 6 };

/** Sends the SDK's own log lines through ours. */
export function installRuntime(log: Logger): void {
  const write = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error', message: string, meta: object = {}) =>
    log[level](meta, message);
  Runtime.install({
    logger: {
      log: (level, message, meta) => write(level.toLowerCase() as 'info', message, meta),
      trace: (message, meta) => write('trace', message, meta),
      debug: (message, meta) => write('debug', message, meta),
      info: (message, meta) => write('info', message, meta),
      warn: (message, meta) => write('warn', message, meta),
      error: (message, meta) => write('error', message, meta),
    },
  });
}

/** Connects as the TEMPORAL_* variables say; F2C_TEMPORAL_UNREACHABLE. */
export async function connect(): Promise<{ connection: NativeConnection; namespace: string }> {
  try {
    const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
    return { connection: await NativeConnection.connect(connectionOptions), namespace };
  } catch (error) {
    throw new F2cError('F2C_TEMPORAL_UNREACHABLE', {
      what: `The Temporal server cannot be reached: ${(error as Error).message.split('\n', 1)[0]}`,
      where: process.env.TEMPORAL_ADDRESS ?? process.env.TEMPORAL_PROFILE,
      fix: 'Start it, or correct the TEMPORAL_* variables',
      cause: error,
    });
  }
}

/**
 * Adds the search attributes that the server lacks, since no run gets further without them. Some servers let this
 * worker, or nobody, add any: F2C_TEMPORAL_REFUSED says which to add by hand.
 */
export async function ensureSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const missing = [];
  for (const attribute of searchAttributes) {
    if (!(await isKnown(attribute.name, connection, namespace))) missing.push(attribute);
  }
  if (missing.length === 0) return;
  try {
    const types = Object.fromEntries(missing.map(({ name, type }) => [name, indexedTypes[type]]));
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: types });
  } catch (error) {
    if ((error as { code?: number }).code === grpc.alreadyExists) return;
    const options = missing.map(({ name, type }) => `--name ${name} --type ${typeNames[type]}`);
    throw new F2cError('F2C_TEMPORAL_REFUSED', {
      what: `This worker may not add the search attributes that the namespace ${namespace} lacks: ${(error as Error).message}`,
      fix: `Let someone add them who may: temporal operator search-attribute create --namespace ${namespace} ${options.join(' ')}`,
      cause: error,
    });
  }
}

/** Whoever may look for runs may ask this, unlike for the list of attributes. */
async function isKnown(name: string, connection: NativeConnection, namespace: string): Promise<boolean> {
  try {
    await connection.workflowService.countWorkflowExecutions({ namespace, query: `${name} IS NULL` });
    return true;
  } catch (error) {
    if ((error as { code?: number }).code === grpc.invalidArgument) return false;
    throw error;
  }
}
