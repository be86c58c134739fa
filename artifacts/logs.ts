import type { Bucket } from './bucket.ts';

/** The attempt of a step whose log it is. */
export interface Attempt {
  run: string;
  /** Temporal's own id of the run: an id of ours can be used again by whoever starts a run in Temporal's UI. */
  execution: string;
  /** Instance id: "train[head=dcp]". */
  step: string;
  attempt: number;
}

/** One object of an attempt's log: whole lines of JSON, as pino writes them. It grows until the next is begun. */
export interface LogPiece extends Omit<Attempt, 'run'> {
  key: string;
  /** From 1. Where numbers are missing, an attempt had more to say than is kept. */
  number: number;
  /** In bytes. */
  size: number;
}

const pieceBytes = 256 << 10;
const headPieces = 16;
const tailPieces = 112;

/** Of an attempt that says very much, the first pieces and the last ones are kept: 4 MiB and 28 MiB. */
export const logLimits = { pieceBytes, headPieces, tailPieces };

export function pieceKey(attempt: Attempt, number: number): string {
  return `${attemptPrefix(attempt)}${String(number).padStart(6, '0')}.jsonl`;
}

/** Number of the last piece that an attempt has, 0 before the first. */
export async function lastPiece(bucket: Bucket, attempt: Attempt): Promise<number> {
  let last = 0;
  for await (const key of bucket.keys(attemptPrefix(attempt))) last = Number(/(\d+)\.jsonl$/.exec(key)?.[1]);
  return last;
}

/** The pieces that a run has in the store by now, those of one attempt in order. */
export async function* logPieces(bucket: Bucket, run: string, execution?: string): AsyncGenerator<LogPiece> {
  const prefix = execution === undefined ? runPrefix(run) : `${runPrefix(run)}${execution}/`;
  for await (const { key, size } of bucket.objects(prefix)) {
    const parts = /^([^/]+)\/([^/]+)\/(\d+)\/(\d+)\.jsonl$/.exec(key.slice(runPrefix(run).length));
    const [, execution, step, attempt, number] = parts ?? [];
    if (execution === undefined || step === undefined) continue;
    yield { key, execution, step, attempt: Number(attempt), number: Number(number), size };
  }
}

/** Ids of runs may hold anything, those of step instances may not. */
function runPrefix(run: string): string {
  return `logs/${encodeURIComponent(run)}/`;
}

function attemptPrefix({ run, execution, step, attempt }: Attempt): string {
  return `${runPrefix(run)}${execution}/${step}/${attempt}/`;
}
