import { open, readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Manifest } from '../../artifacts/manifest.ts';
import { F2cError } from '../../errors/failure.ts';
import type { StepContext } from '../step.ts';
import { NpyColumn } from './npy.ts';

const indexFile = z.object({ imageSize: z.int().positive(), shards: z.array(z.string()) });

/** One part of an index: its instances, sorted by identity, and their JPEGs. */
export interface Part {
  /** Width and height of the images, in pixels. */
  imageSize: number;
  instances: number;
  /** Instances of identity n are first[n] .. first[n + 1] - 1; one more entry than identities. */
  first: Float64Array;
  /** The JPEGs of instances `from` to `to` - 1. */
  jpegs(from: number, to: number): Promise<Buffer[]>;
}

export async function openPart(
  step: Pick<StepContext, 'open'>,
  index: Manifest,
  name: 'train' | 'test',
): Promise<Part> {
  const { imageSize, shards } = indexFile.parse(
    JSON.parse(await readFile(await step.open(index, 'index.json'), 'utf8')),
  );
  const column = async (field: string) => NpyColumn.open(await step.open(index, `${name}.${field}.npy`));
  const [shard, offset, length, first] = await Promise.all([
    column('shard'),
    column('offset'),
    column('length'),
    column('first').then((firsts) => firsts.read()),
  ]);
  const opened = new Map<number, Promise<string>>();
  const openShard = (number: number): Promise<string> => {
    const known = opened.get(number);
    if (known !== undefined) return known;
    const path = step.open(index, `shards/${shards[number]}`);
    opened.set(number, path);
    return path;
  };
  return {
    imageSize,
    instances: shard.length,
    first,
    async jpegs(from, to) {
      const [inShard, offsets, lengths] = await Promise.all([
        shard.read(from, to),
        offset.read(from, to),
        length.read(from, to),
      ]);
      return await Promise.all(
        Array.from(inShard, async (number, i) =>
          readRange(await openShard(number), offsets[i] as number, lengths[i] as number),
        ),
      );
    },
  };
}

/** Opens and closes the file each time: an index has more shards than a process may have open files. */
async function readRange(path: string, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const file = await open(path);
  try {
    const { bytesRead } = await file.read(bytes, 0, length, offset);
    if (bytesRead === length) return bytes;
  } finally {
    await file.close();
  }
  throw new F2cError('F2C_DATA_CORRUPT', {
    what: `A shard ends before the image at bytes ${offset} to ${offset + length}`,
    where: path,
    fix: 'Make the index again',
  });
}
