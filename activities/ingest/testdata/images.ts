import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';

/** A colour picture whose every pixel is computed, so that it is the same on every machine. */
export function picture(width: number, height: number, seed = 0): Sharp {
  const pixels = Buffer.alloc(width * height * 3);
  for (let at = 0; at < pixels.length; at++) {
    const pixel = Math.floor(at / 3);
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    pixels[at] = 128 + 100 * Math.sign(((x * 7 + y * 3 + seed * 13) % 64) - 32) * (((at % 3) + 1) / 3);
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

/** A binary graymap. */
export function graymap(width: number, height: number, header = `P5\n${width} ${height}\n255\n`): Buffer {
  const pixels = Buffer.from(Array.from({ length: width * height }, (_, at) => (at * 5) % 256));
  return Buffer.concat([Buffer.from(header), pixels]);
}

/** Writes files by their paths below `root`; a path that ends with a slash is an empty folder. */
export async function writeTree(root: string, files: Record<string, Uint8Array | string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    await mkdir(path.endsWith('/') ? file : dirname(file), { recursive: true });
    if (!path.endsWith('/')) await writeFile(file, content);
  }
}
