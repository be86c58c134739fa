import sharp from 'sharp';
import { F2cError } from '../../errors/failure.ts';

/** Decodes one JPEG to [imageSize, imageSize, 3] bytes, RGB. */
export async function decodeImage(jpeg: Buffer, imageSize: number, instance: number): Promise<Uint8Array> {
  const { data, info } = await sharp(jpeg)
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw corrupt(`Instance ${instance} cannot be decoded: ${error}`);
    });
  if (info.width !== imageSize || info.height !== imageSize || info.channels !== 3) {
    throw corrupt(
      `Instance ${instance} is ${info.width} x ${info.height} pixels, the index says ${imageSize} x ${imageSize}`,
    );
  }
  return data;
}

function corrupt(what: string): F2cError {
  return new F2cError('F2C_DATA_CORRUPT', { what, where: 'evaluate', fix: 'Ingest the images again' });
}
