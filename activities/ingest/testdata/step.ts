import { createHash } from 'node:crypto';
import { link, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance, type JS } from '@duckdb/node-api';
import { pino } from 'pino';
import { type ArtifactStore, openStore } from '../../../artifacts/store.ts';
import type { Made, Progress, StepContext } from '../../step.ts';

export interface TestStep extends StepContext {
  readonly reported: Progress[];
  remove(): Promise<void>;
}

/** A step's context with a folder of its own. Without a store it has one that is never talked to. */
export async function testStep({
  store = openStore({}),
  signal = new AbortController().signal,
  fingerprint,
}: {
  store?: ArtifactStore;
  signal?: AbortSignal;
  fingerprint?: string;
} = {}): Promise<TestStep> {
  const workDir = await mkdtemp(join(tmpdir(), 'f2c-step-'));
  const reported: Progress[] = [];
  return {
    key: '0'.repeat(64),
    run: 'test',
    pipeline: 'test',
    instance: 'test',
    written: {},
    store,
    ...(fingerprint === undefined ? {} : { fingerprint }),
    workDir,
    processes: 1,
    signal,
    log: pino({ level: 'silent' }),
    open: async (_artifact, file) => join(workDir, file),
    link: (_artifact, file, path) => link(join(workDir, file), path),
    cacheBytes: Number.POSITIVE_INFINITY,
    progress: (progress) => reported.push(progress),
    reported,
    remove: () => rm(workDir, { recursive: true, force: true }),
  };
}

/** Digests of the files of an artifact. */
export async function digests(made: Made): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, content] of Object.entries(made.files)) {
    found[name] = createHash('sha256')
      .update(await contentOf(content))
      .digest('hex');
  }
  return found;
}

export async function contentOf(content: Made['files'][string] | undefined): Promise<Buffer> {
  if (typeof content === 'string') return readFile(content);
  if (content instanceof Uint8Array) return Buffer.from(content);
  throw new Error('not a local file');
}

/** All rows of a Parquet file, as objects; whole numbers as bigint where the column has 64 bits. */
export async function rowsOf(file: Made['files'][string] | undefined): Promise<Record<string, JS>[]> {
  const database = await DuckDBInstance.create();
  const connection = await database.connect();
  const result = await connection.runAndReadAll(`FROM read_parquet('${file}')`);
  const rows = result.getRowObjectsJS();
  connection.closeSync();
  database.closeSync();
  return rows;
}
