import type { ArtifactKind } from '../language/contract/step.ts';
import { canonicalJson, contentKey, sha256 } from './canonical.ts';
import type { KeyParts } from './manifest.ts';
import { parseKeyParts } from './schema.ts';
import type { ArtifactStore } from './store.ts';

/** Where in which pipeline an artifact is asked for; a miss is explained by what was asked for there before. */
export interface Place {
  pipeline: string;
  /** Id of the step instance: `train[poolRatio=0.1]`. */
  instance: string;
}

/** What a place remembers. */
export interface Before {
  /** What was asked for the last time. */
  asked?: KeyParts;
  /** What was asked for the last time that something was made of it; the same object as `asked` if it was of that. */
  made?: KeyParts;
}

/** What is asked for now, and whether it is there. */
interface Asked {
  parts: KeyParts;
  isThere: () => Promise<boolean>;
}

/** What was asked for at a place before `now`. */
export async function beforeAt(
  store: ArtifactStore,
  kind: ArtifactKind,
  place: Place,
  now?: Asked,
): Promise<Before> {
  const asked = await read(store, askedKey(place));
  if (asked === undefined) return {};
  if (now === undefined || canonicalJson(asked) !== canonicalJson(now.parts)) {
    if ((await store.read(kind, contentKey(asked))) !== undefined) return { asked, made: asked };
  } else if (await now.isThere()) return { asked, made: asked };
  const made = await read(store, madeKey(place));
  return made === undefined ? { asked } : { asked, made };
}

/** Has a place remember what is asked for now, and what was made of the question before. */
export async function remember(
  { bucket }: ArtifactStore,
  place: Place,
  now: KeyParts,
  { asked, made }: Before,
): Promise<void> {
  const text = canonicalJson(now);
  if (asked !== undefined && canonicalJson(asked) === text) return;
  if (made !== undefined && made === asked) await bucket.write(madeKey(place), canonicalJson(made));
  await bucket.write(askedKey(place), text);
}

async function read({ bucket }: ArtifactStore, key: string): Promise<KeyParts | undefined> {
  const stored = await bucket.read(key);
  return stored === undefined ? undefined : parseKeyParts(stored.text);
}

function askedKey({ pipeline, instance }: Place): string {
  return `places/${encodeName(pipeline)}/${encodeName(instance)}.json`;
}

/** No name becomes this one, since dots are encoded in them. */
function madeKey({ pipeline, instance }: Place): string {
  return `places/${encodeName(pipeline)}/${encodeName(instance)}.made.json`;
}

/** Names of people's choosing as one part of a path; S3 servers over a file system allow 255 bytes. */
function encodeName(name: string): string {
  const encoded = encodeURIComponent(name).replaceAll('.', '%2E');
  return encoded.length <= 200 ? encoded : `${encoded.slice(0, 130)}~${sha256(name)}`;
}
