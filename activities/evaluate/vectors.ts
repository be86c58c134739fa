import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Pairs } from './pairs.ts';

/**
 * The vectors of a test part, [instances, length] doubles in a file: memory stays flat however many there are,
 * and the system's file cache makes the second reading fast.
 */
export class VectorFile {
  readonly length: number;
  readonly #file: number;

  constructor(path: string, length: number) {
    this.length = length;
    this.#file = openSync(path, 'wx+');
  }

  append(vectors: Float64Array): void {
    const bytes = new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength);
    for (let written = 0; written < bytes.length; ) written += writeSync(this.#file, bytes, written);
  }

  read(row: number, into: Float64Array): void {
    const size = 8 * this.length;
    const read = readSync(
      this.#file,
      new Uint8Array(into.buffer, into.byteOffset, size),
      0,
      size,
      row * size,
    );
    if (read !== size) throw new Error(`vector ${row} was never written`);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Squared distance of each pair's two vectors. */
export async function pairDistances(
  vectors: VectorFile,
  { left, right }: Pairs,
  signal: AbortSignal,
): Promise<Float64Array> {
  const distances = new Float64Array(left.length);
  const a = new Float64Array(vectors.length);
  const b = new Float64Array(vectors.length);
  for (let pair = 0; pair < left.length; pair++) {
    // Lets the worker send its heartbeats in between.
    if (pair % 1000 === 0) await setImmediate(undefined, { signal });
    vectors.read(left[pair] as number, a);
    vectors.read(right[pair] as number, b);
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
    distances[pair] = sum;
  }
  return distances;
}
