import type { Outcome, OutcomesRef } from '../language/plan/outcomes.ts';
import type { BlobRef } from './manifest.ts';
import { forEachParallel } from './parallel.ts';
import type { ArtifactStore } from './store.ts';

/** What became of the instances of steps that are run by slices, as blobs: they are too many for a history. */

/** A part of what one slice says. */
interface SliceOutcomes {
  outcomesVersion: 1;
  outcomes: Outcome[];
}

/** The blob of all slices: those of each slice in their order. */
interface FanOutOutcomes {
  outcomesVersion: 1;
  slices: BlobRef[][];
}

export function putOutcomes(store: ArtifactStore, outcomes: Outcome[]): Promise<BlobRef> {
  return put(store, { outcomesVersion: 1, outcomes });
}

export function putSlices(store: ArtifactStore, slices: BlobRef[][]): Promise<BlobRef> {
  return put(store, { outcomesVersion: 1, slices });
}

export async function outcomesOfSlice<T extends Outcome = Outcome>(
  store: ArtifactStore,
  blobs: readonly BlobRef[],
): Promise<T[]> {
  const parts = await Promise.all(blobs.map((blob) => readKept<SliceOutcomes>(store, blob)));
  return parts.flatMap(({ outcomes }) => outcomes as T[]);
}

export async function slicesOf(store: ArtifactStore, blob: BlobRef): Promise<BlobRef[][]> {
  return (await readKept<FanOutOutcomes>(store, blob)).slices;
}

/** The instances that a reference means, in their order. */
export async function outcomesOf(store: ArtifactStore, ref: OutcomesRef): Promise<Outcome[]> {
  const slices = await slicesOf(store, ref.outcomes);
  const found: Outcome[][] = [];
  await forEachParallel(slices.entries(), 16, async ([index, blobs]) => {
    const outcomes = await outcomesOfSlice(store, blobs);
    found[index] = outcomes.filter((outcome) => outcome.step === ref.step && isAt(outcome, ref.places));
  });
  return found.flat();
}

function isAt({ places }: Outcome, wanted: OutcomesRef['places']): boolean {
  return wanted === undefined || wanted.every((place, axis) => place === null || place === places[axis]);
}

function put(store: ArtifactStore, value: SliceOutcomes | FanOutOutcomes): Promise<BlobRef> {
  return store.putBlob(Buffer.from(JSON.stringify(value)));
}

/** Bytes of the blobs that are kept as they were read: many steps ask for the same ones. */
const mostKeptBytes = 16 << 20;
const kept = new Map<string, { size: number; value: Promise<unknown> }>();

export async function readKept<T>(store: ArtifactStore, blob: BlobRef): Promise<T> {
  const id = `${store.bucket.name}/${blob.digest}`;
  const known = kept.get(id);
  kept.delete(id);
  const value = known?.value ?? store.readBlob(blob).then((bytes) => JSON.parse(bytes.toString('utf8')));
  kept.set(id, { size: blob.size, value });
  let bytes = [...kept.values()].reduce((sum, { size }) => sum + size, 0);
  for (const [oldest, { size }] of kept) {
    if (bytes <= mostKeptBytes || oldest === id) break;
    kept.delete(oldest);
    bytes -= size;
  }
  try {
    return (await value) as T;
  } catch (error) {
    kept.delete(id);
    throw error;
  }
}
