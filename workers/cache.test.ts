import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCache } from './cache.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'f2c-home-'));
});
afterAll(() => rm(home, { recursive: true }));

test('F2C_CACHE_GIB is the limit', async () => {
  const { dir, limit } = await openCache(home, { F2C_CACHE_GIB: '0.5' });
  expect([dir, limit]).toEqual([join(home, 'cache'), 2 ** 29]);
});

test('without it, it is half of the room that there would be without the cache', async () => {
  await mkdir(join(home, 'cache', 'ab'), { recursive: true });
  await writeFile(join(home, 'cache', 'ab', 'abcd'), Buffer.alloc(1000));
  const { blocks, bsize } = await statfs(home);
  const { limit } = await openCache(home, {});
  expect(limit).toBeGreaterThanOrEqual(500);
  expect(limit).toBeLessThanOrEqual((blocks * bsize) / 2);
});

test.each(['0', '-1', 'half', '1 GiB'])('%s is no size', async (value) => {
  await expect(openCache(home, { F2C_CACHE_GIB: value })).rejects.toMatchObject({
    code: 'F2C_CONFIG_INVALID',
    message: `F2C_CACHE_GIB is "${value}", not a number of GiB above 0. Correct it, or leave it out.`,
  });
});
