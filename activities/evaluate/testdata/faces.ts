import sharp from 'sharp';
import { createRandom } from '../random.ts';
import type { Faces } from './write-index.ts';

/**
 * Images of [size, size] as JPEGs: each identity has its own random picture of 4 x 4 colours, each image
 * that picture with noise of up to `noise` grey levels.
 */
export async function drawFaces(
  name: string,
  { identities, images, size, noise }: { identities: number; images: number; size: number; noise: number },
): Promise<Faces> {
  const random = createRandom(name);
  const faces: Faces = [];
  for (let n = 0; n < identities; n++) {
    const colours = Uint8Array.from({ length: 48 }, () => random.below(256));
    const jpegs: Buffer[] = [];
    for (let image = 0; image < images; image++) {
      const pixels = Buffer.alloc(3 * size * size);
      for (let i = 0; i < pixels.length; i++) {
        const [x, y] = [Math.floor(i / 3) % size, Math.floor(i / (3 * size))];
        const block = 4 * Math.floor((4 * y) / size) + Math.floor((4 * x) / size);
        const level = (colours[3 * block + (i % 3)] as number) + random.below(2 * noise + 1) - noise;
        pixels[i] = Math.min(255, Math.max(0, level));
      }
      jpegs.push(await encodeJpeg(pixels, size, 3));
    }
    faces.push(jpegs);
  }
  return faces;
}

export function encodeJpeg(pixels: Buffer, size: number, channels: 1 | 3): Promise<Buffer> {
  return sharp(pixels, { raw: { width: size, height: size, channels } })
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .toBuffer();
}
