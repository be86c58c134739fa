import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ports } from './ports.ts';
import type { ProcessIdentity } from './process.ts';

/** What `<home>/stack.json` holds. */
export interface StackRecord {
  /** Chosen once, so that addresses stay the same from one start to the next. */
  ports?: Partial<Ports>;
  /** The supervisor that is running now. */
  run?: StackRun;
}

export interface StackRun {
  owner: ProcessIdentity;
  /** Id of the process that the stack was lent to and ends with; a stack without it stays until `down`. */
  endsWith?: number;
  startedAt: string;
  /** F2C_STEPS of the workers. */
  steps?: string;
  addresses: StackAddresses;
  /** The environment of everything that talks to the stack; holds the S3 secret. */
  env: Record<string, string>;
}

export interface StackAddresses {
  /** host:port of gRPC. */
  temporal: string;
  temporalUi: string;
  s3: string;
}

export function readRecord(home: string): StackRecord {
  try {
    return JSON.parse(readFileSync(recordFile(home), 'utf8')) as StackRecord;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** Replaces the file as a whole; readable by its owner alone. */
export function writeRecord(home: string, record: StackRecord): void {
  mkdirSync(home, { recursive: true });
  const file = recordFile(home);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

function recordFile(home: string): string {
  return join(home, 'stack.json');
}
