import { crc32 } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { formatOf } from './format.ts';
import { type ImageForm, toSquareJpeg } from './image.ts';
import { graymap, picture } from './testdata/images.ts';

const form: ImageForm = { imageSize: 32, fit: 'cover', quality: 95 };

/** Mean level of a channel in a rectangle of an image. */
async function level(
  image: Buffer,
  left: number,
  top: number,
  width: number,
  height: number,
): Promise<number> {
  const part = await sharp(image).extract({ left, top, width, height }).removeAlpha().raw().toBuffer();
  return part.reduce((sum, value) => sum + value, 0) / part.length;
}

/** White on the left half, black on the right half. */
async function halves(width: number, height: number): Promise<Sharp> {
  const white = await sharp({ create: { width: width / 2, height, channels: 3, background: 'white' } })
    .png()
    .toBuffer();
  const black = { create: { width, height, channels: 3, background: 'black' } } as const;
  return sharp(
    await sharp(black)
      .composite([{ input: white, left: 0, top: 0 }])
      .png()
      .toBuffer(),
  );
}

describe('formats', () => {
  test.each([
    ['JPEG', picture(40, 30).jpeg()],
    ['PNG', picture(40, 30).png()],
    ['WebP', picture(40, 30).webp()],
    ['GIF', picture(40, 30).gif()],
    ['TIFF', picture(40, 30).tiff()],
    ['AVIF', picture(40, 30).avif({ effort: 0 })],
  ] as const)('%s is known by its content and becomes a square JPEG', async (format, image) => {
    const bytes = await image.toBuffer();
    expect(formatOf(bytes)).toBe(format);
    const made = await sharp(await toSquareJpeg(bytes, form)).metadata();
    expect(made).toMatchObject({
      format: 'jpeg',
      width: 32,
      height: 32,
      space: 'srgb',
      chromaSubsampling: '4:4:4',
      isProgressive: false,
    });
  });

  test('PGM becomes a grey JPEG', async () => {
    const made = await sharp(await toSquareJpeg(graymap(40, 30), form)).metadata();
    expect(made).toMatchObject({ format: 'jpeg', width: 32, height: 32, channels: 1, space: 'b-w' });
  });

  test('grey stays grey, of 8 and of 16 bits', async () => {
    const grey = picture(40, 40).toColourspace('b-w');
    const deep = picture(40, 40).toColourspace('grey16');
    for (const image of [grey.png(), grey.jpeg(), deep.png()]) {
      const made = await toSquareJpeg(await image.toBuffer(), form);
      expect(await sharp(made).metadata()).toMatchObject({ channels: 1, space: 'b-w', depth: 'uchar' });
      expect(await level(made, 0, 0, 32, 32)).toBeGreaterThan(30);
    }
  });

  test('transparent is black', async () => {
    const clear = { create: { width: 40, height: 40, channels: 4, background: '#ffffff00' } } as const;
    const made = await toSquareJpeg(await sharp(clear).png().toBuffer(), form);
    expect(await level(made, 0, 0, 32, 32)).toBe(0);
  });

  test('CMYK becomes RGB', async () => {
    const bytes = await picture(32, 32).toColourspace('cmyk').jpeg().toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe('cmyk');
    expect(await sharp(await toSquareJpeg(bytes, form)).metadata()).toMatchObject({
      channels: 3,
      space: 'srgb',
    });
  });
});

describe('what is stored byte for byte', () => {
  test.each([
    ['a baseline JPEG of the right size', () => picture(32, 32).jpeg({ quality: 60 })],
    ['a grey one', () => picture(32, 32).toColourspace('b-w').jpeg()],
    [
      'one with the upright orientation written in',
      () =>
        picture(32, 32)
          .withExif({ IFD0: { Orientation: '1' } })
          .jpeg(),
    ],
  ])('%s', async (_, make) => {
    const bytes = await make().toBuffer();
    expect((await toSquareJpeg(bytes, form)).equals(bytes)).toBe(true);
  });

  test.each([
    ['one of another size', () => picture(33, 32).jpeg()],
    ['a progressive one', () => picture(32, 32).jpeg({ progressive: true })],
    ['one that lies on its side', () => picture(32, 32).withMetadata({ orientation: 6 }).jpeg()],
    ['one with a colour profile', () => picture(32, 32).withIccProfile('p3').jpeg()],
    ['a PNG', () => picture(32, 32).png()],
  ])('but not %s', async (_, make) => {
    const bytes = await make().toBuffer();
    const made = await toSquareJpeg(bytes, form);
    expect(made.equals(bytes)).toBe(false);
    const { orientation = 1, icc, isProgressive } = await sharp(made).metadata();
    expect({ orientation, icc, isProgressive }).toEqual({
      orientation: 1,
      icc: undefined,
      isProgressive: false,
    });
  });
});

describe('geometry', () => {
  test('an image is turned as its EXIF orientation says', async () => {
    const bytes = await (await halves(64, 64)).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const made = await toSquareJpeg(bytes, form);
    expect(await level(made, 0, 0, 32, 10)).toBeGreaterThan(245);
    expect(await level(made, 0, 22, 32, 10)).toBeLessThan(10);
  });

  test('cover cuts the middle out', async () => {
    const bytes = await (await halves(128, 64)).png().toBuffer();
    const made = await toSquareJpeg(bytes, { ...form, fit: 'cover' });
    expect(await level(made, 0, 0, 14, 32)).toBeGreaterThan(245);
    expect(await level(made, 18, 0, 14, 32)).toBeLessThan(10);
  });

  test('contain pads with black', async () => {
    const white = { create: { width: 64, height: 32, channels: 3, background: 'white' } } as const;
    const made = await toSquareJpeg(await sharp(white).png().toBuffer(), { ...form, fit: 'contain' });
    expect(await level(made, 0, 0, 32, 6)).toBeLessThan(10);
    expect(await level(made, 0, 10, 32, 12)).toBeGreaterThan(245);
    expect(await level(made, 0, 26, 32, 6)).toBeLessThan(10);
  });

  test('fill stretches', async () => {
    const bytes = await (await halves(128, 16)).png().toBuffer();
    const made = await toSquareJpeg(bytes, { ...form, fit: 'fill' });
    expect(await level(made, 0, 0, 14, 32)).toBeGreaterThan(245);
    expect(await level(made, 18, 0, 14, 32)).toBeLessThan(10);
  });
});

describe('what cannot be used', () => {
  const unknown = 'it is not an image in a known format (JPEG, PNG, WebP, GIF, TIFF, AVIF, PGM)';

  test.each([
    ['an empty file', Buffer.alloc(0), 'the file is empty'],
    ['a text file', Buffer.from('not an image'), unknown],
    ['a drawing', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), unknown],
    ['a colour pixmap', Buffer.from('P6 1 1 255\nabc'), unknown],
    ['a short graymap', graymap(9, 9).subarray(0, 60), 'PGM: the file ends before its 9 x 9 pixels do'],
  ])('%s', async (_, bytes, reason) => {
    await expect(toSquareJpeg(bytes, form)).rejects.toThrow(new Error(reason));
  });

  test('images that end too early, also one that would be stored as it is', async () => {
    for (const image of [
      picture(64, 64).jpeg(),
      picture(32, 32).jpeg(),
      picture(64, 64).png(),
      picture(64, 64).webp(),
    ]) {
      const bytes = await image.toBuffer();
      const short = toSquareJpeg(bytes.subarray(0, bytes.length * 0.6), form);
      await expect(short).rejects.toThrow(/^the (JPEG|PNG|WebP) image is damaged or ends too early$/);
    }
  });

  test('an image of too many pixels, without decoding it', async () => {
    const small = await picture(8, 8).png().toBuffer();
    small.writeUInt32BE(20_000, 16);
    small.writeUInt32BE(20_000, 20);
    small.writeUInt32BE(crc32(small.subarray(12, 29)), 29);
    const reason = 'the image has more than 100 million pixels';
    await expect(toSquareJpeg(small, form)).rejects.toThrow(new Error(reason));
  });

  test('a header without an image', async () => {
    const bytes = Buffer.concat([Buffer.from('\x89PNG\r\n\x1A\n', 'latin1'), Buffer.alloc(100)]);
    await expect(toSquareJpeg(bytes, form)).rejects.toThrow(
      new Error('the PNG image is damaged or ends too early'),
    );
  });
});
