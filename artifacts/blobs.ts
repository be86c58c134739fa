import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { Bucket } from './bucket.ts';
import { hashFile, sha256 } from './canonical.ts';
import { isMissing } from './failures.ts';
import { type BlobRef, blobKey } from './manifest.ts';
import { corruptBlob, missingBlob, verifying } from './verifying.ts';

/** Content in memory, or a file, which must not change meanwhile. */
export type BlobSource = Uint8Array | { path: string };

/** Files above this go up in parts; below, in one request that the server checks against the digest. */
const partSize = 8 << 20;
/** S3's limit of parts an upload; larger files get larger parts. */
const maxParts = 10_000;

function address(bucket: Bucket, blob: BlobRef): string {
  return `s3://${bucket.name}/${blobKey(blob.digest)}`;
}

export async function putBlob(
  bucket: Bucket,
  source: BlobSource,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<BlobRef> {
  const large = 'path' in source && (await stat(source.path)).size > partSize;
  const content = large || !('path' in source) ? source : await readFile(source.path);
  const blob =
    'path' in content
      ? await hashFile(content.path, signal)
      : { digest: sha256(content), size: content.byteLength };
  if (await hasBlob(bucket, blob, { signal })) return blob;
  if ('path' in content) await uploadFile(bucket, blob, content.path, signal);
  else await uploadBytes(bucket, blob, content, signal);
  return blob;
}

async function uploadBytes(
  bucket: Bucket,
  blob: BlobRef,
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: bucket.name,
    Key: blobKey(blob.digest),
    Body: bytes,
    ChecksumSHA256: Buffer.from(blob.digest, 'hex').toString('base64'),
  });
  await bucket.ask(() => bucket.s3.send(command, abortable(signal)));
}

/**
 * Sends a file in parts, of which three are in memory at most. The file is hashed again on its way: had it
 * changed since, no object appears.
 */
async function uploadFile(bucket: Bucket, blob: BlobRef, path: string, signal?: AbortSignal): Promise<void> {
  const checked = verifying(blob, () => new Error(`${path} changed while it was being stored`));
  const upload = new Upload({
    client: bucket.s3,
    params: { Bucket: bucket.name, Key: blobKey(blob.digest), Body: checked, ChecksumAlgorithm: 'SHA256' },
    partSize: Math.max(partSize, Math.ceil(blob.size / maxParts)),
    queueSize: 2,
  });
  const stop = () => void upload.abort();
  signal?.throwIfAborted();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await bucket.ask(async () => {
      const sent = upload.done().catch((error) => {
        checked.destroy(error);
        throw error;
      });
      const read = pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), checked);
      // Both must have come to rest before an error is reported: parts already sent are being removed.
      const failed = (await Promise.allSettled([sent, read])).find((end) => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Whether the blob is in the store and of the right size. */
export async function hasBlob(
  bucket: Bucket,
  blob: BlobRef,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const command = new HeadObjectCommand({ Bucket: bucket.name, Key: blobKey(blob.digest) });
  return bucket.ask(async () => {
    try {
      const { ContentLength } = await bucket.s3.send(command, abortable(signal));
      return ContentLength === blob.size;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  });
}

export async function readBlob(
  bucket: Bucket,
  blob: BlobRef,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Buffer> {
  return bucket.ask(async () => {
    const chunks: Buffer[] = [];
    await pipeline(
      await content(bucket, blob, signal),
      verifying(blob, () => corruptBlob(blob, address(bucket, blob))),
      async (checked: AsyncIterable<Buffer>) => {
        for await (const chunk of checked) chunks.push(chunk);
      },
      { signal },
    );
    return Buffer.concat(chunks);
  });
}

export async function downloadBlob(
  bucket: Bucket,
  blob: BlobRef,
  path: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const partial = `${path}.${randomUUID()}.part`;
  await bucket.ask(async () => {
    await mkdir(dirname(path), { recursive: true });
    try {
      await pipeline(
        await content(bucket, blob, signal),
        verifying(blob, () => corruptBlob(blob, address(bucket, blob))),
        createWriteStream(partial, { flags: 'wx', flush: true }),
        { signal },
      );
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  });
}

function abortable(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

async function content(bucket: Bucket, blob: BlobRef, signal?: AbortSignal): Promise<Readable> {
  const command = new GetObjectCommand({ Bucket: bucket.name, Key: blobKey(blob.digest) });
  try {
    const { Body } = await bucket.s3.send(command, abortable(signal));
    if (!(Body instanceof Readable)) throw new Error('S3 answered without a body');
    return Body;
  } catch (error) {
    throw isMissing(error) ? missingBlob(blob, address(bucket, blob)) : error;
  }
}
