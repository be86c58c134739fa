import { createHash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { streamColumns } from '../duckdb.ts';
import { naturalKey } from './natural.ts';
import type { Source, SourceEntry } from './source.ts';

/**
 * Digest of everything in a source: keys, sizes, versions. It does not depend on the order in which the
 * source lists, as the digests of the entries are added up, so nothing has to be sorted or kept.
 */
class ListingDigest {
  private count = 0;
  private sum = 0n;

  add({ key, size, version, problem = '' }: SourceEntry): void {
    const entry = JSON.stringify([key, size, version, problem]);
    this.sum += BigInt(`0x${createHash('sha256').update(entry).digest('hex')}`);
    this.count++;
  }

  toString(): string {
    const total = BigInt.asUintN(256, this.sum).toString(16);
    return createHash('sha256').update(`${this.count} ${total}`).digest('hex');
  }
}

export async function listingDigest(source: Source, signal: AbortSignal): Promise<string> {
  const digest = new ListingDigest();
  for await (const entry of source.list(signal)) digest.add(entry);
  return digest.toString();
}

/** Puts the listing of a source on disk, so that any number of entries can be sorted. */
export async function storeListing(
  source: Source,
  connection: DuckDBConnection,
  signal: AbortSignal,
  onFound: (count: number) => void,
): Promise<{ count: number; digest: string }> {
  await connection.run(
    'CREATE TABLE listing (key VARCHAR, identity VARCHAR, size BIGINT, version VARCHAR, problem VARCHAR, ' +
      'natural_key VARCHAR, natural_identity VARCHAR)',
  );
  const table = await connection.createAppender('listing');
  let count = 0;
  const digest = new ListingDigest();
  for await (const entry of source.list(signal)) {
    const { key, identity, size, version, problem } = entry;
    digest.add(entry);
    table.appendVarchar(key);
    table.appendVarchar(identity);
    table.appendBigInt(BigInt(size));
    table.appendVarchar(version);
    if (problem === undefined) table.appendNull();
    else table.appendVarchar(problem);
    table.appendVarchar(naturalKey(key));
    table.appendVarchar(naturalKey(identity));
    table.endRow();
    count++;
    if (count % 1000 === 0) onFound(count);
  }
  table.closeSync();
  return { count, digest: digest.toString() };
}

/** The stored entries: identities in natural order of their names, and the files of each in that of their keys. */
export async function* sortedListing(connection: DuckDBConnection): AsyncGenerator<SourceEntry> {
  const query =
    'SELECT key, identity, size, version, problem FROM listing ' +
    'ORDER BY natural_identity, identity, natural_key, key';
  for await (const columns of streamColumns(connection, query)) {
    const [keys = [], identities = [], sizes = [], versions = [], problems = []] = columns;
    for (const [row, key] of keys.entries()) {
      const problem = problems[row];
      yield {
        key: String(key),
        identity: String(identities[row]),
        size: Number(sizes[row]),
        version: String(versions[row]),
        ...(problem != null && { problem: String(problem) }),
      };
    }
  }
}
