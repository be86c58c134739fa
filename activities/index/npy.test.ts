import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pythonPath } from '../../local/paths.ts';
import { type NpyType, NpyWriter } from './npy.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-npy-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(type: NpyType, values: (number | bigint)[], length = values.length): Promise<string> {
  const path = join(folder, 'array.npy');
  const writer = await NpyWriter.create(path, type, length);
  try {
    await writer.append(values);
    await writer.finish();
  } finally {
    await writer.close();
  }
  return path;
}

function numpy(path: string): unknown {
  const program =
    'import json, sys, numpy as n; a = n.load(sys.argv[1], mmap_mode="r"); ' +
    'print(json.dumps([a.dtype.str, list(a.shape), [int(v) for v in a]]))';
  return JSON.parse(execFileSync(pythonPath(), ['-c', program, path], { encoding: 'utf8' }));
}

test('numpy reads what was written', async () => {
  expect(numpy(await write('<u4', [0, 1, 4_294_967_295]))).toEqual(['<u4', [3], [0, 1, 4_294_967_295]]);
  expect(numpy(await write('<i8', [0, -1n, 2n ** 53n]))).toEqual(['<i8', [3], [0, -1, 2 ** 53]]);
  expect(numpy(await write('<i8', []))).toEqual(['<i8', [0], []]);
});

test('version 1.0, and the data begins at a multiple of 64 bytes', async () => {
  const bytes = await readFile(await write('<u4', [7]));
  expect(bytes).toHaveLength(128 + 4);
  expect(bytes.toString('latin1', 0, 10)).toBe('\x93NUMPY\x01\x00\x76\x00');
  expect(bytes.toString('latin1', 10, 128)).toBe(
    `${"{'descr': '<u4', 'fortran_order': False, 'shape': (1,), }".padEnd(117)}\n`,
  );
  expect(bytes.readUInt32LE(128)).toBe(7);
});

test('arrays longer than the buffer are whole', async () => {
  const values = Array.from({ length: 200_001 }, (_, at) => at * 3);
  const bytes = await readFile(await write('<u4', values));
  expect(bytes).toHaveLength(128 + 4 * values.length);
  expect(values.every((value, at) => bytes.readUInt32LE(128 + 4 * at) === value)).toBe(true);
});

test('an array of another length than announced is a defect', async () => {
  await expect(write('<i8', [1, 2], 3)).rejects.toThrow('16 bytes of an array of 24 were written');
});

test('a number that does not fit is a defect', async () => {
  await expect(write('<u4', [-1])).rejects.toThrow('out of range');
});
