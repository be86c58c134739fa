import { z } from 'zod';
import { F2cError } from '../errors/failure.ts';
import { short } from './canonical.ts';
import type { BlobRef } from './manifest.ts';
import { blobRef } from './schema.ts';
import type { ArtifactStore } from './store.ts';

/** The state of a training after a number of optimizer steps. */
export interface Checkpoint {
  step: number;
  /** File name -> content. */
  files: Record<string, BlobRef>;
}

/** Where an attempt runs, as Temporal knows it. */
export interface AttemptPlace {
  workflow: string;
  execution: string;
  activity: string;
}

/** What `trainings/<content key>.json` holds: who trains, and how far the training is. */
export interface TrainingState {
  /** Token of the attempt that may commit. */
  holder: string;
  /** By which others find out whether it still goes on; absent where it was not said. */
  by?: AttemptPlace;
  checkpoint: Checkpoint | null;
  /** The checkpoint that was best on the validation part so far, where the training validates. */
  best: Checkpoint | null;
  /** What the trainer wrote up to the checkpoint, over all attempts: events, curves. File name -> content. */
  log: Record<string, BlobRef>;
  /** Time spent in training up to the checkpoint, over all attempts, in seconds. */
  seconds: number;
  /** Attempts that ended without a new checkpoint since the last one. */
  deaths: number;
  /** For a training that was forced: the version of its artifact that it makes anew. */
  replaces?: string;
  /** Steps of the whole training, once its trainer has said so. */
  steps?: number;
  /** Steps at which later attempts went on, the latest ones: what a training was worth that was killed. */
  wentOn?: number[];
}

/** As many as anybody wants to look at. */
const longestHistory = 100;

const files = z.record(z.string(), blobRef);
const checkpoint = z.strictObject({ step: z.int().min(0), files }).nullable();
const trainingState: z.ZodType<TrainingState> = z.strictObject({
  holder: z.string().min(1),
  by: z.strictObject({ workflow: z.string(), execution: z.string(), activity: z.string() }).exactOptional(),
  checkpoint,
  best: checkpoint.default(null),
  log: files.default({}),
  seconds: z.number().min(0),
  deaths: z.int().min(0),
  replaces: z.string().exactOptional(),
  steps: z.int().min(0).exactOptional(),
  wentOn: z.array(z.int().min(0)).exactOptional(),
});

/**
 * Makes `holder`, a token that no other attempt has, the only one who can commit checkpoints of a training,
 * and gives its newest checkpoint. Everyone who held it before is fenced from this moment on. A checkpoint
 * with blobs that are no longer in the store is given up: the training begins again. So does one that is forced, with
 * `replaces`, unless its own attempts have begun it for the same version of the artifact.
 */
export async function takeOver(
  store: ArtifactStore,
  key: string,
  holder: string,
  { replaces, by }: { replaces?: string | undefined; by?: AttemptPlace | undefined } = {},
): Promise<Lease> {
  const path = trainingKey(key);
  while (true) {
    const stored = await readState(store, path);
    if (stored === undefined) {
      const state = heldBy(begun(holder, 0, replaces), by);
      const etag = await store.bucket.create(path, print(state));
      if (etag !== undefined) return new Lease(store, key, state, etag);
    } else {
      const state = heldBy(await inherit(store, stored.state, holder, replaces), by);
      const etag = await store.bucket.replace(path, print(state), stored.etag);
      if (etag !== undefined) return new Lease(store, key, state, etag);
    }
  }
}

function heldBy({ by: _, ...state }: TrainingState, by: AttemptPlace | undefined): TrainingState {
  return by === undefined ? state : { ...state, by };
}

/** Whoever takes over from another assumes that it died: had it finished, there would be an artifact. */
async function inherit(
  store: ArtifactStore,
  state: TrainingState,
  holder: string,
  replaces: string | undefined,
): Promise<TrainingState> {
  if (replaces !== undefined && replaces !== state.replaces) return begun(holder, 0, replaces);
  const deaths = state.holder === holder ? state.deaths : state.deaths + 1;
  for (const kept of [state.checkpoint, state.best]) {
    if (!(await areThere(store, kept?.files ?? {}))) return begun(holder, deaths, state.replaces);
  }
  const log = (await areThere(store, state.log)) ? state.log : {};
  if (state.holder === holder || state.checkpoint === null) return { ...state, log, holder, deaths };
  const wentOn = [...new Set([...(state.wentOn ?? []), state.checkpoint.step])].slice(-longestHistory);
  return { ...state, log, holder, deaths, wentOn };
}

/** What an attempt that took over now would go on from, without taking over; undefined where it would begin. */
export async function goesOnFrom(
  store: ArtifactStore,
  key: string,
  replaces?: string,
): Promise<(TrainingState & { checkpoint: Checkpoint }) | undefined> {
  const stored = await readState(store, trainingKey(key));
  if (stored === undefined) return undefined;
  const state = await inherit(store, stored.state, stored.state.holder, replaces);
  return state.checkpoint === null ? undefined : { ...state, checkpoint: state.checkpoint };
}

/** The state of a training, whoever holds it. */
export async function readTraining(store: ArtifactStore, key: string): Promise<TrainingState | undefined> {
  return (await readState(store, trainingKey(key)))?.state;
}

function begun(holder: string, deaths: number, replaces: string | undefined): TrainingState {
  const state = { holder, checkpoint: null, best: null, log: {}, seconds: 0, deaths };
  return replaces === undefined ? state : { ...state, replaces };
}

async function areThere(store: ArtifactStore, files: Record<string, BlobRef>): Promise<boolean> {
  for (const blob of Object.values(files)) if (!(await store.hasBlob(blob))) return false;
  return true;
}

interface CommitOptions {
  /** Whether it is the best checkpoint so far, to be kept whatever is committed later. */
  isBest?: boolean;
  log?: TrainingState['log'];
  steps?: number | undefined;
}

/**
 * The right to commit checkpoints of one training, until another attempt takes over. The blobs of a
 * checkpoint are uploaded before it is committed; those of the one before are left to garbage collection,
 * because a blob can belong to an artifact or to another training as well.
 */
export class Lease {
  private readonly store: ArtifactStore;
  private readonly key: string;
  private current: TrainingState;
  private etag: string;

  constructor(store: ArtifactStore, key: string, state: TrainingState, etag: string) {
    this.store = store;
    this.key = key;
    this.current = state;
    this.etag = etag;
  }

  /** As of the last takeover or commit of this lease. */
  get state(): TrainingState {
    return this.current;
  }

  /**
   * Makes `checkpoint` the one that every later attempt goes on from. `seconds` is the training time up to it
   * over all attempts.
   * F2C_TRAINING_FENCED when another attempt has taken over: nothing was written then.
   */
  async commit(
    checkpoint: Checkpoint,
    seconds: number,
    { isBest = false, log = this.current.log, steps }: CommitOptions = {},
  ): Promise<void> {
    const before = this.current.checkpoint?.step ?? -1;
    if (checkpoint.step < before) {
      throw new Error(`checkpoint of step ${checkpoint.step} would replace that of step ${before}`);
    }
    const deaths = checkpoint.step > before ? 0 : this.current.deaths;
    const best = isBest ? checkpoint : this.current.best;
    const total = steps === undefined ? {} : { steps };
    await this.write({ ...this.current, checkpoint, best, log, seconds, deaths, ...total });
  }

  private async write(state: TrainingState): Promise<void> {
    const path = trainingKey(this.key);
    while (true) {
      const etag = await this.store.bucket.replace(path, print(state), this.etag);
      if (etag !== undefined) {
        this.current = state;
        this.etag = etag;
        return;
      }
      // A write whose answer never came may have happened: only another holder's token means that we lost.
      const stored = await readState(this.store, path);
      if (stored?.state.holder !== state.holder) throw this.fenced();
      this.etag = stored.etag;
    }
  }

  private fenced(): F2cError {
    return new F2cError('F2C_TRAINING_FENCED', {
      what: `Another attempt has taken over training ${short(this.key)}`,
      where: trainingKey(this.key),
      fix: 'The other one goes on from the newest checkpoint; this one waits for what it makes',
    });
  }
}

export function trainingKey(key: string): string {
  return `trainings/${key}.json`;
}

async function readState(
  store: ArtifactStore,
  path: string,
): Promise<{ state: TrainingState; etag: string } | undefined> {
  const stored = await store.bucket.read(path);
  if (stored === undefined) return undefined;
  try {
    return { state: trainingState.parse(JSON.parse(stored.text)), etag: stored.etag };
  } catch (error) {
    throw new F2cError('F2C_BLOB_CORRUPT', {
      what: 'The state of a training was altered',
      where: `s3://${store.bucket.name}/${path}`,
      fix: 'Remove this object; the training begins again',
      cause: error,
    });
  }
}

function print(state: TrainingState): string {
  return `${JSON.stringify(state, null, 2)}\n`;
}
