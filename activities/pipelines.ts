import { sha256 } from '../artifacts/canonical.ts';
import { blobKey } from '../artifacts/manifest.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import { type AppliedVersion, appliedAt, appliedNames, latestApplied } from './applied.ts';
import { shippedNames, shippedPipeline } from './shipped.ts';

/** The text of a pipeline file, as it ran or will run. */
export interface PipelineSource {
  text: string;
  /** SHA-256 of the text; it is also a blob of the store. */
  digest: string;
  /** File name for messages about its lines. */
  file: string;
  /** The same for messages about the whole, which no user knows by that of a stored file. */
  name: string;
}

/**
 * Finds what a run names: a stored file by its digest, `sha256:<hex>`; an applied pipeline by its name, which is its
 * newest version, or by name and version, `weekly@2`; or a shipped one. One that was applied wins. F2C_PIPELINE_UNKNOWN.
 */
export async function findPipeline(store: ArtifactStore, reference: string): Promise<PipelineSource> {
  const digest = /^sha256:([0-9a-f]{64})$/.exec(reference)?.[1];
  if (digest !== undefined) return await storedPipeline(store, digest, { file: 'pipeline', name: reference });
  const applied = await findApplied(store, reference);
  if (applied !== undefined) {
    const name = `${applied.name}@${applied.version}`;
    return await storedPipeline(store, applied.digest, { file: name, name });
  }
  const isShipped = (await shippedNames()).includes(reference);
  const { text, file } = await shippedPipeline(reference, isShipped ? [] : await appliedNames(store));
  const blob = await store.putBlob(Buffer.from(text));
  return { text, file, digest: blob.digest, name: file };
}

async function findApplied(store: ArtifactStore, reference: string): Promise<AppliedVersion | undefined> {
  const [, name, version] = /^([a-z0-9-]+)(?:@([1-9]\d{0,5}))?$/.exec(reference) ?? [];
  if (name === undefined) return undefined;
  if (version === undefined) return await latestApplied(store, name);
  const applied = await appliedAt(store, name, Number(version));
  if (applied !== undefined) return applied;
  const latest = await latestApplied(store, name);
  throw new F2cError('F2C_PIPELINE_UNKNOWN', {
    what: `The pipeline ${name} has no version ${version}`,
    fix:
      latest === undefined
        ? 'None was applied: `npx f2c pipelines` shows what there is'
        : `It has 1 to ${latest.version}: \`npx f2c pipelines ${name}\` shows them`,
  });
}

async function storedPipeline(
  store: ArtifactStore,
  digest: string,
  called: Pick<PipelineSource, 'file' | 'name'>,
): Promise<PipelineSource> {
  const stored = await store.bucket.read(blobKey(digest));
  if (stored === undefined || sha256(stored.text) !== digest) {
    throw new F2cError('F2C_PIPELINE_UNKNOWN', {
      what: `The store has no pipeline file with the digest ${digest}`,
      fix: 'Start the run with `npx f2c run FILE`, which stores the file',
    });
  }
  return { text: stored.text, digest, ...called };
}
