import type { ArtifactKind } from '../language/contract/step.ts';
import { contentKey, short } from './canonical.ts';
import { explainChange } from './explain.ts';
import { type BlobRef, hasEffect, type KeyParts, type Manifest } from './manifest.ts';
import { forEachParallel } from './parallel.ts';
import { type Before, beforeAt, type Place, remember } from './places.ts';
import type { ArtifactStore, StoredManifest } from './store.ts';

export interface LookUp {
  /** Content key of the artifact that was asked for. */
  key: string;
  /** For people: `hit: …` or `miss: …`. */
  reason: string;
  /** The artifact, when it is there with all of its blobs. */
  hit?: Manifest;
  /** Set when what lies under the key is unusable or to be made anew: the etag `commit` is given to replace it. */
  repair?: string;
}

/** What is there is to be made anew; with `replaces`, only while it is still the version with this etag. */
export interface Force {
  replaces?: string;
}

export interface LookUpOptions {
  /** False for who only wants to know: the place keeps what was asked for before. With `hits` it does so for a miss. */
  remember?: boolean | 'hits';
  force?: Force | undefined;
}

/** Whether what a step would make of `parts` is in the store, and why or why not. `code` is the step's own. */
export async function lookUp(
  store: ArtifactStore,
  kind: ArtifactKind,
  parts: KeyParts,
  place: Place,
  code: string,
  { remember: remembers = true, force }: LookUpOptions = {},
): Promise<LookUp> {
  const key = contentKey(parts);
  const reading = store.read(kind, key);
  const isThere = async () => (await reading) !== undefined;
  const [stored, before] = await Promise.all([reading, beforeAt(store, kind, place, { parts, isThere })]);
  const found = await answer(store, kind, { key, parts, stored, before, code, force });
  if (remembers === true || (remembers === 'hits' && found.hit !== undefined)) {
    await remember(store, place, parts, before);
  }
  return found;
}

interface Question {
  key: string;
  parts: KeyParts;
  stored: StoredManifest | undefined;
  before: Before;
  code: string;
  force: Force | undefined;
}

async function answer(
  store: ArtifactStore,
  kind: ArtifactKind,
  { key, parts, stored, before, code, force }: Question,
): Promise<LookUp> {
  if (stored === undefined) return { key, reason: `miss: ${missReason(before, parts)}` };
  const { etag: repair } = stored;
  if ('damage' in stored) return { key, reason: `miss: the manifest of ${kind} was altered`, repair };
  const gone = await missingBlobs(store, stored.manifest);
  if (gone[0] !== undefined) {
    const others = gone.length === 1 ? '' : ` and ${gone.length - 1} more`;
    const are = gone.length === 1 ? 'is' : 'are';
    return { key, reason: `miss: blob ${short(gone[0].digest)}${others} of ${kind} ${are} gone`, repair };
  }
  const made = hitReason(stored.manifest, code);
  if (isForced(force, repair)) return { key, reason: `forced: is there, ${made}`, repair };
  return { key, reason: `hit: ${made}`, hit: stored.manifest };
}

/** What was committed since the version to be replaced was there is new already. */
function isForced(force: Force | undefined, etag: string): boolean {
  return force !== undefined && (force.replaces === undefined || force.replaces === etag);
}

/** What is said of a step with effects, also where its inputs are yet to be made. */
export const effectReason = 'has effects, so every run does it';

/** A try that made nothing is no measure of what has changed, unless there is no other. */
function missReason({ asked, made }: Before, now: KeyParts): string {
  if (hasEffect(now)) return effectReason;
  if (asked === undefined) return 'first time here';
  const changes = explainChange(made ?? asked, now).join(', ');
  if (made === asked) return changes;
  if (made === undefined) return `nothing was made here yet${changes && `; since the last try ${changes}`}`;
  return `${changes || 'nothing changed, but what was made is gone'}; the last try here has made nothing`;
}

function hitReason({ madeBy }: Manifest, code: string): string {
  const made = `made by run ${madeBy.run} at ${madeBy.at}`;
  return madeBy.code === code ? made : `${made}, by other code (${short(madeBy.code)} -> ${short(code)})`;
}

/** Blobs of an artifact that are not in the store, in the order of its files. */
export async function missingBlobs(store: ArtifactStore, manifest: Manifest): Promise<BlobRef[]> {
  const blobs = new Map(Object.values(manifest.files).map((blob) => [blob.digest, blob]));
  const gone = new Set<string>();
  await forEachParallel(blobs.values(), 16, async (blob) => {
    if (!(await store.hasBlob(blob))) gone.add(blob.digest);
  });
  return [...blobs.values()].filter(({ digest }) => gone.has(digest));
}
