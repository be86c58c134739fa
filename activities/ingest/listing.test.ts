import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withDatabase } from '../duckdb.ts';
import { listingDigest, sortedListing, storeListing } from './listing.ts';
import { fileEntry, problemEntry, type Source, type SourceEntry } from './source.ts';

const signal = new AbortController().signal;

function sourceOf(entries: SourceEntry[]): Source {
  return {
    name: 'memory',
    async *list() {
      yield* entries;
    },
    read: async () => Buffer.alloc(0),
  };
}

const entries = [
  fileEntry('s10/2.jpg', 1, 'a'),
  fileEntry('s2/10.jpg', 2, 'b'),
  fileEntry('s2/9.jpg', 3, 'c'),
  problemEntry('s1/', 'the folder is empty'),
  fileEntry('readme', 4, 'd'),
];

test('the digest does not depend on the order of the listing', async () => {
  const digest = await listingDigest(sourceOf(entries), signal);
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(await listingDigest(sourceOf(entries.toReversed()), signal)).toBe(digest);
});

test('the digest changes with everything that can change', async () => {
  const [first, ...others] = entries as [SourceEntry, ...SourceEntry[]];
  const variants = [
    entries,
    others,
    [...entries, first],
    [{ ...first, key: 's10/3.jpg' }, ...others],
    [{ ...first, size: 9 }, ...others],
    [{ ...first, version: 'z' }, ...others],
    [{ ...first, problem: 'it is gone, or a link to nothing' }, ...others],
  ];
  const digests = await Promise.all(variants.map((variant) => listingDigest(sourceOf(variant), signal)));
  expect(new Set(digests).size).toBe(variants.length);
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-listing-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('entries come back whole, in natural order of identities and keys', async () => {
  const sorted = await withDatabase(folder, signal, async (connect) => {
    const connection = await connect();
    const digest = await listingDigest(sourceOf(entries), signal);
    expect(await storeListing(sourceOf(entries), connection, signal, () => undefined)).toEqual({
      count: 5,
      digest,
    });
    const found: SourceEntry[] = [];
    for await (const entry of sortedListing(connection)) found.push(entry);
    return found;
  });
  const keys = ['readme', 's1/', 's2/9.jpg', 's2/10.jpg', 's10/2.jpg'];
  expect(sorted).toEqual(keys.map((key) => entries.find((entry) => entry.key === key)));
});

test('any number of entries is sorted, and reported while they are found', async () => {
  const many = Array.from({ length: 5000 }, (_, at) => fileEntry(`p${(at * 7) % 5000}/1.jpg`, at, ''));
  const reported: number[] = [];
  const names = await withDatabase(folder, signal, async (connect) => {
    const connection = await connect();
    await storeListing(sourceOf(many), connection, signal, (count) => reported.push(count));
    const found: string[] = [];
    for await (const { identity } of sortedListing(connection)) found.push(identity);
    return found;
  });
  expect(names).toEqual(many.map((_, at) => `p${at}`));
  expect(reported).toEqual([1000, 2000, 3000, 4000, 5000]);
});
