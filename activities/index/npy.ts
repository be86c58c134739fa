import { type FileHandle, open } from 'node:fs/promises';

/** Element types of numpy: little-endian unsigned 32-bit and signed 64-bit integers. */
export type NpyType = '<u4' | '<i8';

const bytesOf = { '<u4': 4, '<i8': 8 } as const;

/** Elements kept in memory before they are written. */
const bufferLength = 65_536;

/** Writes a one-dimensional numpy array of known length, `.npy` version 1.0, with little memory. */
export class NpyWriter {
  private readonly file: FileHandle;
  private readonly type: NpyType;
  private readonly length: number;
  private readonly buffer: Buffer;
  private buffered = 0;
  private written = 0;

  private constructor(file: FileHandle, type: NpyType, length: number) {
    this.file = file;
    this.type = type;
    this.length = length;
    this.buffer = Buffer.alloc(bufferLength * bytesOf[type]);
  }

  static async create(path: string, type: NpyType, length: number): Promise<NpyWriter> {
    const file = await open(path, 'w');
    await file.write(npyHeader(type, length));
    return new NpyWriter(file, type, length);
  }

  async append(values: Iterable<unknown>): Promise<void> {
    for (const value of values) {
      if (this.buffered === this.buffer.length) await this.flush();
      if (this.type === '<u4') this.buffered = this.buffer.writeUInt32LE(Number(value), this.buffered);
      else this.buffered = this.buffer.writeBigInt64LE(BigInt(value as bigint), this.buffered);
    }
  }

  /** Writes what is left; an array of another length than announced is a defect. */
  async finish(): Promise<void> {
    await this.flush();
    const expected = this.length * bytesOf[this.type];
    if (this.written !== expected)
      throw new Error(`${this.written} bytes of an array of ${expected} were written`);
  }

  close(): Promise<void> {
    return this.file.close();
  }

  private async flush(): Promise<void> {
    await this.file.write(this.buffer, 0, this.buffered);
    this.written += this.buffered;
    this.buffered = 0;
  }
}

/** Magic, version 1.0, length of the rest, and a Python dict padded so that the data begins at 64 bytes. */
function npyHeader(type: NpyType, length: number): Buffer {
  const dict = `{'descr': '${type}', 'fortran_order': False, 'shape': (${length},), }`;
  const size = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const header = Buffer.alloc(size, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(size - 10, 8);
  header.write(dict, 10);
  header.write('\n', size - 1);
  return header;
}
