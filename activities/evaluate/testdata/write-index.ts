import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import type { Manifest } from '../../../artifacts/manifest.ts';

/** JPEGs by identity. */
export type Faces = Buffer[][];

/** Writes the files of an index into `folder`, for tests that need one without the steps that make one. */
export async function writeIndex(
  folder: string,
  { imageSize, train, test }: { imageSize: number; train: Faces; test: Faces },
): Promise<Manifest> {
  await mkdir(join(folder, 'shards'), { recursive: true });
  const shards = ['shard-000000.tar', 'shard-000001.tar'];
  await writeFile(join(folder, 'index.json'), JSON.stringify({ imageSize, shards, parts: {} }));
  const names = ['index.json', ...shards.map((shard) => `shards/${shard}`)];
  for (const [shard, [part, faces]] of Object.entries({ train, test }).entries()) {
    const offsets = await writeShard(join(folder, `shards/${shards[shard]}`), faces.flat());
    const first = [0];
    for (const images of faces) first.push((first.at(-1) as number) + images.length);
    const columns = {
      shard: npyFile(
        '<u4',
        offsets.map(() => shard),
      ),
      offset: npyFile('<i8', offsets),
      length: npyFile(
        '<u4',
        faces.flat().map((jpeg) => jpeg.length),
      ),
      first: npyFile('<i8', first),
      identity: npyFile('<i8', [...faces.keys()]),
    };
    for (const [name, content] of Object.entries(columns)) {
      await writeFile(join(folder, `${part}.${name}.npy`), content);
      names.push(`${part}.${name}.npy`);
    }
  }
  return manifestOf('index', names);
}

/** A manifest that only names files: for steps whose `open` finds them in a folder. */
export function manifestOf(kind: Manifest['kind'], names: string[], facts: Manifest['facts'] = {}): Manifest {
  return {
    kind,
    key: '0'.repeat(64),
    digest: '0'.repeat(64),
    files: Object.fromEntries(names.map((name) => [name, { digest: '0'.repeat(64), size: 0 }])),
    facts,
    metrics: {},
    measured: {},
    madeBy: { step: kind, version: 1, code: '0', run: 'test', at: '2026-01-01T00:00:00.000Z' },
    from: { step: kind, version: 1, params: {}, inputs: {} },
    inputs: {},
  };
}

export function npyFile(type: '<u4' | '<i8', values: number[]): Buffer {
  const dictionary = `{'descr': '${type}', 'fortran_order': False, 'shape': (${values.length},), }`;
  const header = `${dictionary.padEnd(64 * Math.ceil((11 + dictionary.length) / 64) - 11)}\n`;
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  const body = type === '<u4' ? Uint32Array.from(values) : BigInt64Array.from(values, BigInt);
  return Buffer.concat([start, Buffer.from(header, 'latin1'), Buffer.from(body.buffer)]);
}

/** Returns where each JPEG begins: after its header of 512 bytes; contents are padded to 512. */
async function writeShard(path: string, jpegs: Buffer[]): Promise<number[]> {
  const tar = pack();
  const written = pipeline(tar, createWriteStream(path));
  const offsets: number[] = [];
  let end = 0;
  for (const [i, jpeg] of jpegs.entries()) {
    tar.entry({ name: `${String(i).padStart(8, '0')}.jpg` }, jpeg);
    offsets.push(end + 512);
    end += 512 + 512 * Math.ceil(jpeg.length / 512);
  }
  tar.finalize();
  await written;
  return offsets;
}
