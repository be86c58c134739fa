import { blobKey } from '../artifacts/blobs.ts';
import { sha256 } from '../artifacts/canonical.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import { shippedPipeline } from './shipped.ts';

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

/** Finds what a run names: a shipped pipeline by its name, or a stored file by its digest, `sha256:<hex>`. */
export async function findPipeline(store: ArtifactStore, reference: string): Promise<PipelineSource> {
  const digest = /^sha256:([0-9a-f]{64})$/.exec(reference)?.[1];
  if (digest !== undefined) return await storedPipeline(store, digest);
  const { text, file } = await shippedPipeline(reference);
  const blob = await store.putBlob(Buffer.from(text));
  return { text, file, digest: blob.digest, name: file };
}

async function storedPipeline(store: ArtifactStore, digest: string): Promise<PipelineSource> {
  const stored = await store.bucket.read(blobKey(digest));
  if (stored === undefined || sha256(stored.text) !== digest) {
    throw new F2cError('F2C_PIPELINE_UNKNOWN', {
      what: `The store has no pipeline file with the digest ${digest}`,
      fix: 'Start the run with `npx f2c run FILE`, which stores the file',
    });
  }
  return { text: stored.text, digest, file: 'pipeline', name: `sha256:${digest}` };
}
