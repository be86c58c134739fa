import { z } from 'zod';
import type { ArtifactStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';

/** One version of a pipeline that `f2c apply` has put into the store. Versions are only ever added. */
export interface AppliedVersion {
  name: string;
  /** Counts from 1. */
  version: number;
  /** SHA-256 of the file, which is a blob of the store. */
  digest: string;
  summary: string;
  at: string;
  /** Who applied it: `user@host`. */
  by: string;
}

const appliedVersion = z.strictObject({
  name: z.string(),
  version: z.int().min(1),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  summary: z.string(),
  at: z.string(),
  by: z.string(),
});

/** Stores a file as the newest version of its pipeline, unless it is that already. Of several writers each gets one. */
export async function applyPipeline(
  store: ArtifactStore,
  { text, ...about }: Pick<AppliedVersion, 'name' | 'summary' | 'by'> & { text: string },
): Promise<{ applied: AppliedVersion; created: boolean }> {
  const { digest } = await store.putBlob(Buffer.from(text));
  for (;;) {
    const latest = await latestApplied(store, about.name);
    if (latest?.digest === digest) return { applied: latest, created: false };
    const version = (latest?.version ?? 0) + 1;
    const applied = { ...about, version, digest, at: new Date().toISOString() };
    const key = versionKey(about.name, version);
    if ((await store.bucket.create(key, `${JSON.stringify(applied, null, 2)}\n`)) !== undefined)
      return { applied, created: true };
  }
}

/** The version that the name of a pipeline stands for. */
export async function latestApplied(store: ArtifactStore, name: string): Promise<AppliedVersion | undefined> {
  const key = (await keysOf(store, `${name}/`)).at(-1);
  return key === undefined ? undefined : await readVersion(store, key);
}

export function appliedAt(
  store: ArtifactStore,
  name: string,
  version: number,
): Promise<AppliedVersion | undefined> {
  return readVersion(store, versionKey(name, version));
}

/** All versions of a pipeline, the oldest first. */
export async function appliedVersions(store: ArtifactStore, name: string): Promise<AppliedVersion[]> {
  const keys = await keysOf(store, `${name}/`);
  const versions = await Promise.all(keys.map((key) => readVersion(store, key)));
  return versions.filter((version) => version !== undefined);
}

/** Names of all pipelines that were applied. */
export async function appliedNames(store: ArtifactStore): Promise<string[]> {
  return [...new Set((await keysOf(store, '')).map((key) => key.split('/')[1] ?? ''))].sort();
}

/** In order: names by the alphabet, their versions by number. */
async function keysOf(store: ArtifactStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.bucket.keys(`pipelines/${prefix}`)) {
    if (/^pipelines\/[^/]+\/\d{6}\.json$/.test(key)) keys.push(key);
  }
  return keys.sort();
}

async function readVersion(store: ArtifactStore, key: string): Promise<AppliedVersion | undefined> {
  const stored = await store.bucket.read(key);
  if (stored === undefined) return undefined;
  try {
    return appliedVersion.parse(JSON.parse(stored.text));
  } catch (error) {
    throw new F2cError('F2C_BLOB_CORRUPT', {
      what: 'What was stored of an applied pipeline was altered',
      where: `s3://${store.bucket.name}/${key}`,
      fix: 'Remove this object and apply the pipeline again',
      cause: error,
    });
  }
}

function versionKey(name: string, version: number): string {
  return `pipelines/${name}/${String(version).padStart(6, '0')}.json`;
}
