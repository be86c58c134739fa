import { type FileHandle, open } from 'node:fs/promises';
import { F2cError } from '../../errors/failure.ts';

/**
 * One column of the index: a NumPy file (`.npy`, version 1) with one dimension of uint32 or int64. Only the
 * header is kept; `read` fetches rows from disk, so that a column may be larger than memory.
 */
export class NpyColumn {
  readonly length: number;
  readonly #path: string;
  readonly #type: '<u4' | '<i8';
  readonly #begin: number;

  private constructor(path: string, header: { length: number; type: '<u4' | '<i8'; begin: number }) {
    this.#path = path;
    this.length = header.length;
    this.#type = header.type;
    this.#begin = header.begin;
  }

  static async open(path: string): Promise<NpyColumn> {
    const file = await open(path);
    try {
      return new NpyColumn(path, await readHeader(file, path));
    } finally {
      await file.close();
    }
  }

  /** Rows `from` to `to` - 1 as plain numbers. */
  async read(from = 0, to = this.length): Promise<Float64Array> {
    const width = this.#type === '<u4' ? 4 : 8;
    const bytes = Buffer.alloc((to - from) * width);
    const file = await open(this.#path);
    try {
      const { bytesRead } = await file.read(bytes, 0, bytes.length, this.#begin + from * width);
      if (bytesRead < bytes.length) throw unreadable(this.#path, 'it is shorter than its header says');
    } finally {
      await file.close();
    }
    return this.#type === '<u4'
      ? Float64Array.from({ length: to - from }, (_, i) => bytes.readUInt32LE(4 * i))
      : Float64Array.from({ length: to - from }, (_, i) => Number(bytes.readBigInt64LE(8 * i)));
  }
}

async function readHeader(file: FileHandle, path: string) {
  const start = Buffer.alloc(10);
  await file.read(start, 0, 10, 0);
  if (start.toString('latin1', 0, 8) !== '\x93NUMPY\x01\x00')
    throw unreadable(path, 'it is no .npy file of version 1');
  const text = Buffer.alloc(start.readUInt16LE(8));
  await file.read(text, 0, text.length, 10);
  const found = /'descr': '(<u4|<i8)', 'fortran_order': False, 'shape': \((\d+),\)/.exec(
    text.toString('latin1'),
  );
  if (found === null) throw unreadable(path, 'it is no single column of uint32 or int64');
  return { type: found[1] as '<u4' | '<i8', length: Number(found[2]), begin: 10 + text.length };
}

function unreadable(path: string, reason: string): F2cError {
  return new F2cError('F2C_DATA_CORRUPT', {
    what: `A column of the index cannot be read: ${reason}`,
    where: path,
    fix: 'Make the index again',
  });
}
