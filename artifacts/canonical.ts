import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { inspect } from 'node:util';
import type { BlobRef, KeyParts, Manifest } from './manifest.ts';

/**
 * JSON in the one form that is hashed: keys sorted by UTF-16 code units, no white space, numbers as
 * `JSON.stringify` writes them. Throws for anything that JSON would drop or bend: undefined, NaN, infinities,
 * dates and other class instances.
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$');
}

function write(value: unknown, path: string): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${Array.from(value, (item, i) => write(item, `${path}[${i}]`)).join(',')}]`;
  }
  if (isPlainObject(value)) {
    const entries = Object.keys(value).sort();
    return `{${entries.map((key) => `${JSON.stringify(key)}:${write(value[key], `${path}.${key}`)}`).join(',')}}`;
  }
  throw new Error(`${path} has no canonical JSON: ${inspect(value)}`);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** SHA-256 in lower-case hex; a string is hashed as UTF-8. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Digest and size of a file, read as a stream. */
export async function hashFile(path: string, signal?: AbortSignal): Promise<BlobRef> {
  const hash = createHash('sha256');
  let size = 0;
  await pipeline(
    createReadStream(path, { highWaterMark: 1 << 20 }),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.length;
      }
    },
    { signal },
  );
  return { digest: hash.digest('hex'), size };
}

/** The key an artifact is stored under: a digest of everything that it is made from. */
export function contentKey(parts: KeyParts): string {
  return sha256(canonicalJson(parts));
}

/** The digest of what an artifact is, however it was made. */
export function contentDigest(
  files: Manifest['files'],
  facts: Manifest['facts'],
  metrics: Manifest['metrics'],
): string {
  return sha256(canonicalJson({ files, facts, metrics }));
}

/** A digest as people read it, still long enough to name an artifact on the command line. */
export function short(digest: string): string {
  return `${digest.slice(0, 8)}…`;
}
