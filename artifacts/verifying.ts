import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import { F2cError } from '../errors/failure.ts';
import type { BlobRef } from './manifest.ts';

/** Passes bytes on; unless they were exactly the blob, its reader gets an error in place of the end. */
export function verifying(blob: BlobRef, failure: () => Error): Transform {
  const hash = createHash('sha256');
  let size = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
    flush(done) {
      const ok = size === blob.size && hash.digest('hex') === blob.digest;
      done(ok ? null : failure());
    },
  });
}

export function corruptBlob(blob: BlobRef, where: string): F2cError {
  return new F2cError('F2C_BLOB_CORRUPT', {
    what: `Blob ${blob.digest} does not have the content of its digest`,
    where,
    fix: 'Remove this object and run the pipeline again; the step that made it notices and makes it anew',
  });
}

export function missingBlob(blob: BlobRef, where: string): F2cError {
  return new F2cError('F2C_BLOB_MISSING', {
    what: `Blob ${blob.digest} is not there`,
    where,
    fix: 'Run the pipeline again; the step that made it notices and makes it anew',
  });
}
