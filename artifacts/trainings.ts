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

/** What `trainings/<content key>.json` holds: who trains, and how far the training is. */
export interface TrainingState {
  /** Token of the attempt that may commit. */
  holder: string;
  checkpoint: Checkpoint | null;
  /** The checkpoint that was best on the validation part so far, where the training validates. */
  best: Checkpoint | null;
  /** What the trainer wrote up to the checkpoint, over all attempts: events, curves. File name -> content. */
  log: Record<string, BlobRef>;
  /** Time spent in training up to the checkpoint, over all attempts, in seconds. */
  seconds: number;
  /** Attempts that ended without a new checkpoint since the last one. */
  deaths: number;
}

const files = z.record(z.string(), blobRef);
const checkpoint = z.strictObject({ step: z.int().min(0), files }).nullable();
const trainingState: z.ZodType<TrainingState> = z.strictObject({
  holder: z.string().min(1),
  checkpoint,
  best: checkpoint.default(null),
  log: files.default({}),
  seconds: z.number().min(0),
  deaths: z.int().min(0),
});

/**
 * Makes `holder`, a token that no other attempt has, the only one who can commit checkpoints of a training,
 * and gives its newest checkpoint. Everyone who held it before is fenced from this moment on. A checkpoint
 * with blobs that are no longer in the store is given up: the training begins again.
 */
export async function takeOver(store: ArtifactStore, key: string, holder: string): Promise<Lease> {
  const path = trainingKey(key);
  while (true) {
    const stored = await readState(store, path);
    if (stored === undefined) {
      const state = begun(holder, 0);
      const etag = await store.bucket.create(path, print(state));
      if (etag !== undefined) return new Lease(store, key, state, etag);
    } else {
      const state = await inherit(store, stored.state, holder);
      const etag = await store.bucket.replace(path, print(state), stored.etag);
      if (etag !== undefined) return new Lease(store, key, state, etag);
    }
  }
}

/** Whoever takes over from another assumes that it died: had it finished, there would be an artifact. */
async function inherit(store: ArtifactStore, state: TrainingState, holder: string): Promise<TrainingState> {
  const deaths = state.holder === holder ? state.deaths : state.deaths + 1;
  for (const kept of [state.checkpoint, state.best]) {
    if (!(await areThere(store, kept?.files ?? {}))) return begun(holder, deaths);
  }
  const log = (await areThere(store, state.log)) ? state.log : {};
  return { ...state, log, holder, deaths };
}

function begun(holder: string, deaths: number): TrainingState {
  return { holder, checkpoint: null, best: null, log: {}, seconds: 0, deaths };
}

async function areThere(store: ArtifactStore, files: Record<string, BlobRef>): Promise<boolean> {
  for (const blob of Object.values(files)) if (!(await store.hasBlob(blob))) return false;
  return true;
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
   * over all attempts; `isBest` keeps it as the best one too, whatever is committed later.
   * F2C_TRAINING_FENCED when another attempt has taken over: nothing was written then.
   */
  async commit(
    checkpoint: Checkpoint,
    seconds: number,
    { isBest = false, log = this.current.log }: { isBest?: boolean; log?: TrainingState['log'] } = {},
  ): Promise<void> {
    const before = this.current.checkpoint?.step ?? -1;
    if (checkpoint.step < before) {
      throw new Error(`checkpoint of step ${checkpoint.step} would replace that of step ${before}`);
    }
    const deaths = checkpoint.step > before ? 0 : this.current.deaths;
    const best = isBest ? checkpoint : this.current.best;
    await this.write({ ...this.current, checkpoint, best, log, seconds, deaths });
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
      fix: 'The other one goes on from the newest checkpoint; resume this run when that is done',
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
