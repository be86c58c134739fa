import { isDeepStrictEqual } from 'node:util';
import { CreateBucketCommand, HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { F2cError } from '../errors/failure.ts';
import { type ArtifactKind, artifactKinds } from '../language/contract/step.ts';
import { type BlobSource, downloadBlob, hasBlob, putBlob, readBlob } from './blobs.ts';
import { Bucket } from './bucket.ts';
import { contentDigest, contentKey, short } from './canonical.ts';
import { bucketName, type Env, s3Client } from './client.ts';
import { isMissing } from './failures.ts';
import type { ArtifactRef, BlobRef, Manifest } from './manifest.ts';
import { checkManifest, parseManifest } from './schema.ts';

/** An artifact before it is stored: its digest follows from what it says. */
export type Draft = Omit<Manifest, 'digest'>;

/** What lies under a content key: a manifest, or one that was altered and cannot be used. */
export type StoredManifest = { etag: string } & ({ manifest: Manifest } | { damage: F2cError });

export interface Committed {
  /** The manifest that is in the store now: the caller's, or that of another writer who was first. */
  manifest: Manifest;
  /** True when it is the caller's. */
  created: boolean;
}

/** The artifact store as the environment configures it. Talks to nobody yet. */
export function openStore(env: Env = process.env): ArtifactStore {
  return new ArtifactStore({ s3: s3Client(env), bucket: bucketName(env) });
}

/**
 * Artifacts in one S3 bucket. File contents are blobs under their own SHA-256; an artifact is a manifest
 * under its content key, written in one conditional put after all of its blobs. No manifest, no artifact.
 * Every reader verifies. All methods throw `F2cError`s: F2C_STORE_UNREACHABLE, F2C_STORE_DENIED,
 * F2C_BUCKET_MISSING, and those named at the method.
 */
export class ArtifactStore {
  /** Small objects of the same bucket, with conditional writes. */
  readonly bucket: Bucket;

  constructor({ s3, bucket }: { s3: S3Client; bucket: string }) {
    this.bucket = new Bucket(s3, bucket);
  }

  /** Creates the bucket unless it is there. */
  async ensureBucket(): Promise<void> {
    const { s3, name } = this.bucket;
    await this.bucket.ask(async () => {
      try {
        await s3.send(new HeadBucketCommand({ Bucket: name }));
      } catch (error) {
        if (!isMissing(error)) throw error;
        await s3.send(new CreateBucketCommand({ Bucket: name })).catch(acceptExisting);
      }
    });
  }

  /** Fails without credentials, whoever may use them: F2C_STORE_DENIED. */
  async requireCredentials(): Promise<void> {
    await this.bucket.ask(() => this.bucket.s3.config.credentials());
  }

  /** Stores content under its digest unless it is there already. */
  putBlob(source: BlobSource, options: { signal?: AbortSignal | undefined } = {}): Promise<BlobRef> {
    return putBlob(this.bucket, source, options);
  }

  /** A small blob in memory, verified. F2C_BLOB_MISSING, F2C_BLOB_CORRUPT. */
  readBlob(blob: BlobRef, options: { signal?: AbortSignal | undefined } = {}): Promise<Buffer> {
    return readBlob(this.bucket, blob, options);
  }

  /** A blob as a local file, verified on the way; the file appears complete or not at all. */
  downloadBlob(
    blob: BlobRef,
    path: string,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    return downloadBlob(this.bucket, blob, path, options);
  }

  /** Whether the blob is in the store and of the right size. */
  hasBlob(blob: BlobRef, options: { signal?: AbortSignal | undefined } = {}): Promise<boolean> {
    return hasBlob(this.bucket, blob, options);
  }

  /** What is stored under a content key, altered or not, and the version to replace it at. */
  async read(kind: ArtifactKind, key: string): Promise<StoredManifest | undefined> {
    const stored = await this.bucket.read(manifestKey(kind, key));
    if (stored === undefined) return undefined;
    try {
      return { etag: stored.etag, manifest: parseManifest(stored.text, kind, key) };
    } catch (error) {
      if (error instanceof F2cError) return { etag: stored.etag, damage: error };
      throw error;
    }
  }

  /** The artifact of a content key, if it exists. F2C_BLOB_CORRUPT when its manifest was altered. */
  async find(kind: ArtifactKind, key: string): Promise<Manifest | undefined> {
    const stored = await this.read(kind, key);
    if (stored === undefined) return undefined;
    if ('damage' in stored) throw stored.damage;
    return stored.manifest;
  }

  /** The artifact of a content key. F2C_ARTIFACT_UNKNOWN, F2C_BLOB_CORRUPT. */
  async get(kind: ArtifactKind, key: string): Promise<Manifest> {
    const manifest = await this.find(kind, key);
    if (manifest === undefined) throw unknownArtifact(`There is no ${kind} ${key}`);
    return manifest;
  }

  /** The very artifact that a reference names. F2C_ARTIFACT_UNKNOWN also when it was replaced by another content. */
  async load(ref: ArtifactRef): Promise<Manifest> {
    const manifest = await this.get(ref.kind, ref.key);
    if (manifest.digest !== ref.digest) {
      throw unknownArtifact(
        `The ${ref.kind} ${short(ref.key)} was made again since and has another content: ` +
          `${short(manifest.digest)} instead of ${short(ref.digest)}`,
      );
    }
    return manifest;
  }

  /** The artifact whose key begins like this: six hex digits or more, of one kind or of any. */
  async resolve(kind: ArtifactKind | undefined, prefix: string): Promise<Manifest> {
    if (!/^[0-9a-f]{6,64}$/.test(prefix)) {
      throw unknownArtifact(
        `"${prefix}" is not the key of an artifact`,
        'Give its first six hex digits or more; `npx f2c artifact list` shows the keys',
      );
    }
    const named = kind ?? 'artifact';
    const found: { kind: ArtifactKind; key: string }[] = [];
    for await (const name of this.names(kind, prefix)) found.push(name);
    const [first, second] = found;
    if (first === undefined) {
      throw unknownArtifact(
        `No ${named} has a key that begins with ${prefix}`,
        '`npx f2c artifact list` shows the keys; a digest is not a key',
      );
    }
    if (second !== undefined) {
      const list = found.map(({ kind, key }) => `${kind} ${key.slice(0, prefix.length + 6)}…`).join(', ');
      throw unknownArtifact(`More than one ${named} begins with ${prefix}: ${list}`, 'Give more digits');
    }
    return this.get(first.kind, first.key);
  }

  /** All artifacts, or those of one kind, by kind and key. F2C_BLOB_CORRUPT names a manifest that was altered. */
  async *list(kind?: ArtifactKind): AsyncGenerator<Manifest> {
    for await (const name of this.names(kind)) {
      const manifest = await this.find(name.kind, name.key);
      if (manifest !== undefined) yield manifest;
    }
  }

  /** Kinds and keys of all artifacts, without reading them. */
  async *names(kind?: ArtifactKind, prefix = ''): AsyncGenerator<{ kind: ArtifactKind; key: string }> {
    for (const each of kind === undefined ? artifactKinds : [kind]) {
      for await (const path of this.bucket.keys(`artifacts/${each}/${prefix}`)) {
        const key = /\/([0-9a-f]{64})\.json$/.exec(path)?.[1];
        if (key !== undefined) yield { kind: each, key };
      }
    }
  }

  /**
   * Makes an artifact exist; its blobs must be in the store. Of several writers one wins and the others get
   * its manifest. `replaces` is the etag of an unusable manifest to write over.
   */
  async commit(draft: Draft, replaces?: string): Promise<Committed> {
    const manifest = complete(draft);
    if (replaces !== undefined) return this.replace(manifest, replaces);
    const path = manifestKey(manifest.kind, manifest.key);
    if ((await this.bucket.create(path, print(manifest))) !== undefined) return { manifest, created: true };
    return this.adopt(manifest);
  }

  /** Writes over the manifest that is at `etag`; adopts what is there when it has changed since. */
  async replace(manifest: Manifest, etag: string): Promise<Committed> {
    const path = manifestKey(manifest.kind, manifest.key);
    const text = print(checkManifest(manifest));
    if ((await this.bucket.replace(path, text, etag)) !== undefined) return { manifest, created: true };
    return this.adopt(manifest);
  }

  /** After a lost race: the winner's manifest, or ours after all when the winner's is gone or altered. */
  private async adopt(ours: Manifest): Promise<Committed> {
    const stored = await this.read(ours.kind, ours.key);
    if (stored === undefined) return this.commit(ours);
    if ('damage' in stored) return this.replace(ours, stored.etag);
    return { manifest: stored.manifest, created: isDeepStrictEqual(stored.manifest, ours) };
  }
}

function complete(draft: Draft): Manifest {
  if (contentKey(draft.from) !== draft.key)
    throw new Error(`the key of ${draft.kind} ${draft.key} is not its content key`);
  return checkManifest({ ...draft, digest: contentDigest(draft.files, draft.facts, draft.metrics) });
}

function print(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

export function manifestKey(kind: ArtifactKind, key: string): string {
  return `artifacts/${kind}/${key}.json`;
}

function unknownArtifact(what: string, fix = '`npx f2c artifact list` shows those that exist'): F2cError {
  return new F2cError('F2C_ARTIFACT_UNKNOWN', { what, fix });
}

/** Another process was faster. */
function acceptExisting(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'BucketAlreadyOwnedByYou') throw error;
}
