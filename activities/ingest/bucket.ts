import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { isLostRace, storeFailure } from '../../artifacts/failures.ts';
import { F2cError } from '../../errors/failure.ts';
import { fileEntry, problemEntry, type Source, type SourceEntry, sourceChanged } from './source.ts';

interface Place {
  bucket: string;
  /** Empty, or ends with a slash. */
  prefix: string;
}

/** Objects of an S3 bucket under a prefix, with one "folder" per identity. */
export function openBucketSource(text: string, s3: S3Client): Source {
  const place = parsePlace(text);
  const name = `s3://${place.bucket}/${place.prefix}`;
  return {
    name,
    list: (signal) => listBucket(s3, place, name, signal),
    read: (entry, signal) => readObject(s3, place, name, entry, signal),
  };
}

function parsePlace(text: string): Place {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(text);
  if (match?.[1] === undefined) {
    throw new F2cError('F2C_SOURCE_INVALID', {
      what: `The source \`${text}\` names no S3 bucket`,
      fix: 'Write `s3://bucket/prefix`; a bucket has 3 to 63 lower-case letters, digits, dots and hyphens',
    });
  }
  const prefix = match[2] ?? '';
  return { bucket: match[1], prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/` };
}

/**
 * A key that ends with a slash is a marker that makes a folder show up in S3 browsers. It counts only when
 * nothing lies in the folder; S3 lists what does right after the marker.
 */
async function* listBucket(
  s3: S3Client,
  { bucket, prefix }: Place,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<SourceEntry> {
  let marker: string | undefined;
  let found = false;
  const emptyFolder = (key: string) => problemEntry(key, 'the folder is empty');
  for await (const object of objects(s3, { bucket, prefix }, name, signal)) {
    found = true;
    const key = object.key.slice(prefix.length);
    if (key === '') continue;
    if (marker !== undefined && !key.startsWith(marker)) yield emptyFolder(marker);
    marker = key.endsWith('/') ? key : undefined;
    if (marker === undefined) yield fileEntry(key, object.size, object.etag);
  }
  if (marker !== undefined) yield emptyFolder(marker);
  if (!found) throw missing(`There is nothing under ${name}`);
}

async function* objects(
  s3: S3Client,
  { bucket, prefix }: Place,
  name: string,
  abortSignal: AbortSignal,
): AsyncGenerator<{ key: string; size: number; etag: string }> {
  const pages = paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix }, { abortSignal });
  while (true) {
    const page = await pages.next().catch((error: Error) => {
      abortSignal.throwIfAborted();
      if (error.name === 'NoSuchBucket') throw missing(`There is no bucket ${bucket}`, error);
      throw storeFailure(error, name);
    });
    if (page.done === true) return;
    for (const { Key, Size = 0, ETag = '' } of page.value.Contents ?? []) {
      if (Key !== undefined) yield { key: Key, size: Size, etag: ETag };
    }
  }
}

/** Reads an object at the version that was listed. The SDK retries requests; a body that breaks off is ours to. */
async function readObject(
  s3: S3Client,
  { bucket, prefix }: Place,
  name: string,
  entry: SourceEntry,
  abortSignal: AbortSignal,
): Promise<Buffer> {
  const request = new GetObjectCommand({ Bucket: bucket, Key: prefix + entry.key, IfMatch: entry.version });
  for (let tries = 1; ; tries++) {
    try {
      const answer = await s3.send(request, { abortSignal });
      return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    } catch (error) {
      abortSignal.throwIfAborted();
      if (isLostRace(error)) throw sourceChanged(name, entry, 'was changed or removed');
      const failure = storeFailure(error, `${name}${entry.key}`);
      const unreachable = failure instanceof F2cError && failure.code === 'F2C_STORE_UNREACHABLE';
      if (!unreachable || tries === 5) throw failure;
      await sleep(200 * tries, undefined, { signal: abortSignal });
    }
  }
}

function missing(what: string, cause?: Error): F2cError {
  return new F2cError('F2C_SOURCE_MISSING', {
    what,
    fix: 'Correct `source`, or upload the images first: one folder per identity',
    cause,
  });
}
