import sharp, { type Metadata, type Sharp } from 'sharp';
import { formatOf } from './format.ts';
import { decodePgm } from './pgm.ts';
import { Unusable } from './source.ts';

export interface ImageForm {
  /** Pixels. */
  imageSize: number;
  fit: 'cover' | 'contain' | 'fill';
  /** 50..100 */
  quality: number;
}

/** Larger files are rejected without being read: no face takes that much, and memory stays bounded. */
export const largestFile = 64 * 2 ** 20;

/** Pixels. */
const largestImage = 100_000_000;

// Images are worked on side by side; threads inside one image would only get into each other's way.
sharp.concurrency(1);
sharp.cache(false);

/**
 * An image as a square, upright, baseline JPEG, RGB or grey as it came. One that is so already is given back
 * byte for byte, once it is known to decode. Throws `Unusable` with the reason if it cannot be decoded whole.
 */
export async function toSquareJpeg(bytes: Buffer, form: ImageForm): Promise<Buffer> {
  const format = formatOf(bytes);
  if (bytes.length === 0) throw new Unusable('the file is empty');
  if (format === undefined) {
    throw new Unusable('it is not an image in a known format (JPEG, PNG, WebP, GIF, TIFF, AVIF, PGM)');
  }
  const image = format === 'PGM' ? openPgm(bytes) : sharp(bytes, decoding);
  const metadata = await decoded(format, image.metadata());
  if (format === 'JPEG' && isFinished(metadata, form.imageSize)) {
    await decoded(format, image.raw().toBuffer());
    return bytes;
  }
  return decoded(format, makeSquare(image, metadata, form).toBuffer());
}

/** `error` also refuses images that end too early, and accepts harmless oddities that mere warnings are about. */
const decoding = { failOn: 'error', limitInputPixels: largestImage, sequentialRead: true } as const;

function openPgm(bytes: Buffer): Sharp {
  const { width, height, pixels } = decodePgm(bytes);
  return sharp(pixels, { ...decoding, raw: { width, height, channels: 1 } });
}

/** Decoders disagree on colour profiles, so an image that has one is converted to sRGB and loses it. */
function isFinished(image: Metadata, size: number): boolean {
  return (
    image.width === size &&
    image.height === size &&
    image.isProgressive !== true &&
    (image.orientation ?? 1) === 1 &&
    (image.space === 'srgb' || image.space === 'b-w') &&
    image.depth === 'uchar' &&
    image.icc === undefined
  );
}

function makeSquare(image: Sharp, metadata: Metadata, { imageSize, fit, quality }: ImageForm): Sharp {
  const grey = metadata.space === 'b-w' || metadata.space === 'grey16';
  return image
    .autoOrient()
    .flatten({ background: 'black' })
    .resize(imageSize, imageSize, { fit, background: 'black' })
    .toColourspace(grey ? 'b-w' : 'srgb')
    .jpeg({ quality, chromaSubsampling: '4:4:4' });
}

/**
 * The library's own words stay out of the reason: it keeps one error buffer for all threads, so they would
 * mix with those about other images and differ from one run to the next.
 */
async function decoded<T>(format: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const tooLarge = (error as Error).message.startsWith('Input image exceeds pixel limit');
    throw new Unusable(
      tooLarge
        ? `the image has more than ${largestImage / 1e6} million pixels`
        : `the ${format} image is damaged or ends too early`,
      { cause: error },
    );
  }
}
