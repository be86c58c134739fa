import { F2cError } from '../../errors/failure.ts';

/** One thing that was found in a source: a file, or a folder in which there should have been one. */
export interface SourceEntry {
  /** Path within the source, with `/` between its parts. */
  key: string;
  /** First folder of the path: the name of the identity. Empty for a file outside every folder. */
  identity: string;
  /** Bytes. */
  size: number;
  /** Changes when the content changes: an etag, a time of modification, a digest. */
  version: string;
  /** Why it cannot be an image, where the listing shows it already. */
  problem?: string;
}

/** Where images come from. A new form of source is a new file that gives these two functions. */
export interface Source {
  /** For messages. */
  readonly name: string;
  /** Everything there is, in whatever order costs least; F2C_SOURCE_MISSING or F2C_SOURCE_INVALID. */
  list(signal: AbortSignal): AsyncIterable<SourceEntry>;
  /** Content of an entry; throws `Unusable` if it cannot be read, F2C_SOURCE_CHANGED if it is not what was listed. */
  read(entry: SourceEntry, signal: AbortSignal): Promise<Buffer>;
}

/** A file that cannot become an instance; its message is the reason in rejected.parquet, and the step goes on. */
export class Unusable extends Error {}

/** A file of the source as an entry; one that lies in no folder belongs to nobody. */
export function fileEntry(key: string, size: number, version: string): SourceEntry {
  const identity = identityOf(key);
  const entry = { key, identity, size, version };
  return identity === '' ? { ...entry, problem: 'it does not lie in the folder of an identity' } : entry;
}

/** Something of the source that the listing already shows to be no image. */
export function problemEntry(key: string, problem: string): SourceEntry {
  return { key, identity: identityOf(key), size: 0, version: '', problem };
}

function identityOf(key: string): string {
  const end = key.indexOf('/');
  return end === -1 ? '' : key.slice(0, end);
}

/** The failure of a source that changed after it was listed: its content key would not be that of its content. */
export function sourceChanged(source: string, entry: SourceEntry, how: string): F2cError {
  return new F2cError('F2C_SOURCE_CHANGED', {
    what: `The file ${entry.key} ${how} while the source was being read`,
    where: source,
    fix: 'Start a new run when nothing writes to the source any more',
  });
}
