import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time';
import { F2cError } from '../errors/failure.ts';
import { searchAttributes, typeNames } from '../workflows/attributes.ts';
import type { Child } from './child.ts';
import { startChild } from './child.ts';
import { findBinary } from './paths.ts';
import type { Ports } from './ports.ts';
import { untilReady } from './ready.ts';

/** What those who use the server have in their environment. */
interface TemporalEnv extends Record<string, string> {
  TEMPORAL_ADDRESS: string;
  TEMPORAL_NAMESPACE: string;
  TEMPORAL_CONFIG_FILE: string;
}

export interface TemporalServer {
  readonly env: TemporalEnv;
  readonly uiAddress: string;
  readonly child: Child;
  stop(): Promise<void>;
}

export interface TemporalOptions {
  home: string;
  ports: Ports;
  /** Gives up a start. */
  signal?: AbortSignal;
}

const namespace = 'default';

/** The server's own default is one day, after which a finished run can no longer be seen or resumed. */
const retention = '30 days';

/** Starts Temporal's dev server on loopback over `<home>/temporal.db`; ready when its API answers. */
export async function startTemporal({ home, ports, signal }: TemporalOptions): Promise<TemporalServer> {
  const temporal = findBinary('temporal');
  if (temporal === undefined) {
    throw new F2cError('F2C_STACK_FAILED', {
      what: 'The Temporal server is not installed',
      fix: 'Run npm run setup, or put the program temporal on PATH, or set TEMPORAL_ADDRESS to a server of your own',
    });
  }
  mkdirSync(home, { recursive: true });
  const child = startChild({
    command: temporal,
    args: [
      'server',
      'start-dev',
      ...['--ip', '127.0.0.1'],
      ...['--port', String(ports.temporal)],
      ...['--ui-port', String(ports.temporalUi)],
      '--ui-disable-news-fetch',
      ...['--db-filename', join(home, 'temporal.db')],
      // Fan-outs go 2.5 times as fast as with the rollback journal, and SIGKILL loses nothing either way.
      ...['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal'],
      ...pollRate('transfer'),
      ...pollRate('timer'),
      ...pollRate('visibility'),
      ...searchAttributes.flatMap(({ name, type }) => ['--search-attribute', `${name}=${typeNames[type]}`]),
    ],
    env: withoutClientSettings(process.env),
    cwd: home,
    log: join(home, 'logs', 'temporal.log'),
  });
  const env = {
    TEMPORAL_ADDRESS: `127.0.0.1:${ports.temporal}`,
    TEMPORAL_NAMESPACE: namespace,
    TEMPORAL_CONFIG_FILE: writeClientConfig(home),
  };
  try {
    await untilReady('The Temporal server', child, () => raiseRetention(env.TEMPORAL_ADDRESS), signal);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { env, uiAddress: `http://127.0.0.1:${ports.temporalUi}`, child, stop: () => child.stop() };
}

/** A user's own config file may name an API key and TLS, which are not for this server: its clients read this one. */
function writeClientConfig(home: string): string {
  const file = join(home, 'temporal.toml');
  writeFileSync(file, `[profile.default]\nnamespace = "${namespace}"\n`);
  return file;
}

/** With the default, one shard hands out about 20 workflow tasks a second. */
function pollRate(processor: string): string[] {
  return ['--dynamic-config-value', `history.${processor}ProcessorMaxPollRPS=1000`];
}

/** TEMPORAL_* variables are settings of clients; none of them is meant for this server. */
function withoutClientSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}

async function raiseRetention(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '2s' });
  try {
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: msToTs(retention) },
    });
  } finally {
    await connection.close();
  }
}
