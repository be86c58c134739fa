import type { ArtifactKind } from '../language/contract/step.ts';
import type { JsonObject } from '../language/text/json.ts';

/** A file's content: SHA-256 in lower-case hex, and its length in bytes. */
export interface BlobRef {
  digest: string;
  size: number;
}

/** Where the content of a digest is in the bucket. */
export function blobKey(digest: string): string {
  return `blobs/sha256/${digest.slice(0, 2)}/${digest}`;
}

/** Points at an artifact; small enough to pass through Temporal. */
export interface ArtifactRef {
  kind: ArtifactKind;
  /** Content key: SHA-256 of what the artifact was made from. */
  key: string;
  /** SHA-256 of what it is: its files and facts. Enters the keys of the steps that read it. */
  digest: string;
}

/** One artifact, as stored under `artifacts/<kind>/<key>.json`. No manifest, no artifact. */
export interface Manifest extends ArtifactRef {
  /** Path inside the artifact -> content. */
  files: Record<string, BlobRef>;
  /** What is true of the artifact and follows from its inputs: counts, sizes. Part of the digest. */
  facts: JsonObject;
  /** The step's metric outputs. Part of the digest. */
  metrics: Record<string, number>;
  /** What was measured while making it, and differs from one making to the next: seconds. Not part of the digest. */
  measured: Record<string, number>;
  /**
   * Files that were written while making it, to look at afterwards: events, curves. Not part of the digest. What
   * the attempts said is not here, because there may be no artifact: see `logs.ts`.
   */
  log?: Record<string, BlobRef>;
  /** `instance` is the step's place in the pipeline: "train[head=dcp]". */
  madeBy: { step: string; instance?: string; version: number; code: string; run: string; at: string };
  /** The parts of the content key: what it was made from. */
  from: KeyParts;
  /** The artifacts it was made from, so that lineage can be walked. */
  inputs: Record<string, ArtifactRef | ArtifactRef[]>;
}

/** Everything that decides a step's output. Its canonical JSON is hashed into the content key. */
export interface KeyParts {
  step: string;
  version: number;
  params: JsonObject;
  /** Input name -> content digest, or digests, of what is read. */
  inputs: Record<string, string | string[]>;
  /** Digest of the outside world, for steps that read it; run and step, for those that change it: see `effectOf`. */
  fingerprint?: string;
}

const effect = 'run:';

/** Stands for the outside world in the key of a step that changes it: every step instance of every run does so once. */
export function effectOf({ run, execution, step }: { run: string; execution: string; step: string }): string {
  return `${effect}${run}/${execution}/${step}`;
}

/** Whether key parts are those of a step that changes the outside world. */
export function hasEffect({ fingerprint }: KeyParts): boolean {
  return fingerprint?.startsWith(effect) ?? false;
}
