import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Location, ShardWriter } from './shards.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-shards-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const jpegs = [300, 512, 1, 70_000, 0].map((length, at) => Buffer.alloc(length, at + 1));

async function write(limit: number): Promise<{ writer: ShardWriter; locations: Location[] }> {
  const writer = new ShardWriter(folder, limit);
  const locations: Location[] = [];
  for (const [instance, jpeg] of jpegs.entries())
    locations.push(await writer.add(instance, instance >> 1, jpeg));
  await writer.finish();
  return { writer, locations };
}

test('tar lists and extracts a shard; owner, mode and time are always the same', async () => {
  const { writer } = await write(2 ** 30);
  expect(writer.names).toEqual(['shard-000000.tar']);
  const shard = join(folder, 'shard-000000.tar');
  const listed = execFileSync('tar', ['--numeric-owner', '--utc', '-tvf', shard], { encoding: 'utf8' });
  const [first, second] = listed.split('\n');
  expect(first).toMatch(/^-rw-r--r-- 0\/0 +300 1970-01-01 00:00 000000000\.jpg$/);
  expect(second).toMatch(/^-rw-r--r-- 0\/0 +1 1970-01-01 00:00 000000000\.cls$/);
  expect(listed.trim().split('\n')).toHaveLength(10);
  const extract = (name: string) => execFileSync('tar', ['-xOf', shard, name]);
  expect(extract('000000003.jpg').equals(jpegs[3] as Buffer)).toBe(true);
  expect(extract('000000003.cls').toString()).toBe('1');
});

test('a new shard begins after the limit, and the bytes lie where the location says', async () => {
  const { writer, locations } = await write(5_000);
  expect(locations.map(({ shard }) => shard)).toEqual([0, 0, 0, 1, 2]);
  expect(writer.names).toEqual(['shard-000000.tar', 'shard-000001.tar', 'shard-000002.tar']);
  expect((await readdir(folder)).sort()).toEqual(writer.names);
  for (const [instance, { shard, offset }] of locations.entries()) {
    const jpeg = jpegs[instance] as Buffer;
    const bytes = await readFile(join(folder, writer.names[shard] as string));
    expect(bytes.subarray(offset, offset + jpeg.length).equals(jpeg)).toBe(true);
  }
});

test('work that is given up leaves no open file', async () => {
  const writer = new ShardWriter(folder, 2 ** 30);
  await writer.add(0, 0, Buffer.alloc(100));
  await writer.abandon();
  await expect(writer.add(1, 0, Buffer.alloc(100))).rejects.toThrow();
});

test('a shard that cannot be written fails the one who adds to it', async () => {
  const writer = new ShardWriter('/dev/null/shards', 2 ** 30);
  await expect(writer.add(0, 0, Buffer.alloc(100))).rejects.toThrow('ENOTDIR');
});
