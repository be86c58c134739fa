import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPart } from './instances.ts';
import { NpyColumn } from './npy.ts';
import { type Faces, npyFile, writeIndex } from './testdata/write-index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-instances-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('NpyColumn', () => {
  const column = async (content: Buffer | string) => {
    const path = join(folder, 'column.npy');
    await writeFile(path, content);
    return await NpyColumn.open(path);
  };

  it('reads all rows or some, of both types', async () => {
    const large = 2 ** 40 + 1;
    const offsets = await column(npyFile('<i8', [0, large, 3]));
    expect(offsets.length).toBe(3);
    expect([...(await offsets.read())]).toEqual([0, large, 3]);
    expect([...(await offsets.read(1, 2))]).toEqual([large]);
    const lengths = await column(npyFile('<u4', [2 ** 32 - 1, 7]));
    expect([...(await lengths.read())]).toEqual([2 ** 32 - 1, 7]);
    expect([...(await lengths.read(2, 2))]).toEqual([]);
  });

  it('reads what NumPy itself writes', async () => {
    // numpy.save of numpy.arange(2, dtype="uint32"), NumPy 2.4.
    const header = "{'descr': '<u4', 'fortran_order': False, 'shape': (2,), }";
    const bytes = Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'),
      Buffer.from(`${header.padEnd(117)}\n`),
      Buffer.from([0, 0, 0, 0, 1, 0, 0, 0]),
    ]);
    expect([...(await (await column(bytes)).read())]).toEqual([0, 1]);
  });

  it('refuses other files, other types and files that are too short', async () => {
    const refused = (reason: string) =>
      `A column of the index cannot be read: ${reason} (${join(folder, 'column.npy')}). Make the index again.`;
    await expect(column('PAR1 is another format')).rejects.toThrow(
      refused('it is no .npy file of version 1'),
    );
    const floats = npyFile('<u4', [1]).toString('latin1').replace('<u4', '<f4');
    await expect(column(Buffer.from(floats, 'latin1'))).rejects.toThrow(
      refused('it is no single column of uint32 or int64'),
    );
    const short = await column(npyFile('<u4', [1, 2]).subarray(0, -1));
    await expect(short.read()).rejects.toThrow(refused('it is shorter than its header says'));
  });
});

describe('openPart', () => {
  const text = (bytes: Buffer[]) => bytes.map((jpeg) => jpeg.toString());
  const faces = (name: string, ...counts: number[]): Faces =>
    counts.map((count, n) =>
      Array.from({ length: count }, (_, i) => Buffer.from(`${name} ${n} ${i}`.repeat(300 * n + 1))),
    );
  const open = async (_: unknown, file: string) => join(folder, file);

  it('finds the images of each part in their shards', async () => {
    const train = faces('train', 2, 1);
    const test = faces('test', 3, 1, 2);
    const index = await writeIndex(folder, { imageSize: 16, train, test });
    const part = await openPart({ open }, index, 'test');
    expect(part.imageSize).toBe(16);
    expect(part.instances).toBe(6);
    expect([...part.first]).toEqual([0, 3, 4, 6]);
    expect(text(await part.jpegs(0, 6))).toEqual(text(test.flat()));
    expect(text(await part.jpegs(3, 5))).toEqual(text(test.flat().slice(3, 5)));
    expect(text(await (await openPart({ open }, index, 'train')).jpegs(0, 3))).toEqual(text(train.flat()));
  });

  it('says which shard is too short', async () => {
    const index = await writeIndex(folder, { imageSize: 16, train: [], test: faces('test', 1) });
    const shard = join(folder, 'shards/shard-000001.tar');
    await truncate(shard, 514);
    const part = await openPart({ open }, index, 'test');
    await expect(part.jpegs(0, 1)).rejects.toMatchObject({
      code: 'F2C_DATA_CORRUPT',
      message: `A shard ends before the image at bytes 512 to 520 (${shard}). Make the index again.`,
    });
    expect((await readFile(shard)).length).toBe(514);
  });
});
