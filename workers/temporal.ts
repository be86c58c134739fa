import { loadClientConnectConfig } from '@temporalio/envconfig';
import proto from '@temporalio/proto';
import { NativeConnection, Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { searchAttributes } from '../workflows/attributes.ts';

const { INDEXED_VALUE_TYPE_KEYWORD } = proto.temporal.api.enums.v1.IndexedValueType;

const alreadyExists = 6;

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

/** Connects as the TEMPORAL_* variables say. */
export async function connect(): Promise<{ connection: NativeConnection; namespace: string }> {
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
  return { connection: await NativeConnection.connect(connectionOptions), namespace };
}

/** Adds the search attributes that the server lacks. */
export async function ensureSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const types = Object.fromEntries(searchAttributes.map((name) => [name, INDEXED_VALUE_TYPE_KEYWORD]));
  const known = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.fromEntries(
    Object.entries(types).filter(([name]) => !(name in known.customAttributes)),
  );
  if (Object.keys(missing).length === 0) return;
  await connection.operatorService
    .addSearchAttributes({ namespace, searchAttributes: missing })
    .catch((error) => {
      if (error.code !== alreadyExists) throw error;
    });
}
