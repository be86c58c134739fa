/** Runs inside the workflow: imports nothing but types. */
import type { ArtifactRef, BlobRef } from '../../artifacts/manifest.ts';

/** What became of one instance of a step. */
export interface Outcome {
  id: string;
  /** Id of the step. */
  step: string;
  /** Where its value stands among those of each of the step's axes. */
  places: number[];
  status: string;
  /** It is missed on purpose. */
  tolerated?: true;
  /** Why it was skipped. */
  reason?: string;
  error?: { code: string; message: string };
  /** From the store, or why not. */
  cache?: string;
  attempts: number;
  artifact?: ArtifactRef;
  metrics?: Record<string, number>;
}

/** What became of something that an instance needs and that others have run. */
export interface Known extends Outcome {
  /** Of a step that is run by slices: what its instances have made. */
  outcomes?: BlobRef;
  /** Of such a step: some of its instances are missing. */
  incomplete?: boolean;
}

/** Instances of a step that is run by slices, in order: they are in the store. */
export interface OutcomesRef {
  outcomes: BlobRef;
  step: string;
  /** Only those at these places of the step's axes; null is every place. */
  places?: (number | null)[];
}

/** How the instances of a step that is run by slices have ended, as far as is known. */
export interface Tally {
  total: number;
  done: number;
  failed: number;
  skipped: number;
  running: number;
  /** Of the others, those that have begun and wait, such as for their turn; absent where there are none. */
  queued?: number;
  /** Of those done, the ones that were in the store. */
  reused: number;
  /** Of those skipped, the ones that were skipped on purpose. */
  unwanted: number;
  /** Of those failed and skipped, the ones for which the run fails. */
  fatal: number;
  /** The first that failed. */
  failures: { id: string; code: string; message: string }[];
}

const mostFailures = 5;
const longestMessage = 500;

export function emptyTally(total: number): Tally {
  return {
    total,
    done: 0,
    failed: 0,
    skipped: 0,
    running: 0,
    reused: 0,
    unwanted: 0,
    fatal: 0,
    failures: [],
  };
}

/** Of each step. */
export type Tallies = Record<string, Tally>;

type Counted = Pick<Outcome, 'id' | 'status' | 'tolerated' | 'error' | 'cache' | 'attempts'>;

/** Statuses in which an instance has begun and is not at work. */
const waiting = ['queued', 'retrying', 'paused'];

export function tallyOf(outcomes: readonly Counted[]): Tally {
  const tally = emptyTally(outcomes.length);
  for (const { id, status, tolerated, error, cache, attempts } of outcomes) {
    if (status === 'done') {
      tally.done++;
      if (cache?.startsWith('hit')) tally.reused++;
    } else if (status === 'failed' || status === 'skipped') {
      tally[status]++;
      if (!tolerated) tally.fatal++;
      else if (status === 'skipped') tally.unwanted++;
      if (status === 'failed' && error !== undefined && tally.failures.length < mostFailures) {
        tally.failures.push({ id, code: error.code, message: error.message.slice(0, longestMessage) });
      }
    } else if (status === 'running' || status === 'pausing') {
      // Before its first attempt it is looked up in the store.
      if (attempts > 0) tally.running++;
    } else if (waiting.includes(status)) tally.queued = (tally.queued ?? 0) + 1;
  }
  return tally;
}

/** The tallies of parts of a step as one of `total` instances. */
export function sumOf(total: number, parts: readonly Tally[]): Tally {
  const sum = emptyTally(total);
  for (const part of parts) {
    for (const key of ['done', 'failed', 'skipped', 'running', 'reused', 'unwanted', 'fatal'] as const) {
      sum[key] += part[key];
    }
    if (part.queued !== undefined) sum.queued = (sum.queued ?? 0) + part.queued;
    sum.failures.push(...part.failures);
  }
  sum.failures.splice(mostFailures);
  return sum;
}

export function endedOf({ done, failed, skipped }: Tally): number {
  return done + failed + skipped;
}
