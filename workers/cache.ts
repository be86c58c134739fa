import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { BlobCache, bytesIn } from '../artifacts/cache.ts';
import { F2cError } from '../errors/failure.ts';

/**
 * The cache of a home, which all its workers share. It takes what F2C_CACHE_GIB says, else half of what would be
 * free on the disk if it were empty. F2C_CONFIG_INVALID.
 */
export async function openCache(home: string, env: NodeJS.ProcessEnv = process.env): Promise<BlobCache> {
  const dir = join(home, 'cache');
  const given = env.F2C_CACHE_GIB;
  if (given === undefined || given === '') {
    const held = await bytesIn(dir);
    const { bavail, bsize } = await statfs(dir);
    return new BlobCache(dir, (held + bavail * bsize) / 2);
  }
  const limit = Number(given) * 2 ** 30;
  if (limit > 0) return new BlobCache(dir, limit);
  throw new F2cError('F2C_CONFIG_INVALID', {
    what: `F2C_CACHE_GIB is "${given}", not a number of GiB above 0`,
    fix: 'Correct it, or leave it out',
  });
}
