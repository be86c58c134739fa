import { describe, expect, test } from 'vitest';
import { decodePgm } from './pgm.ts';

const bytes = (header: string, ...pixels: number[]) =>
  Buffer.concat([Buffer.from(header), Buffer.from(pixels)]);
const pixelsOf = (file: Buffer) => [...decodePgm(file).pixels];

describe('decodePgm', () => {
  test('reads 8 bits a pixel', () => {
    const image = decodePgm(bytes('P5\n3 2\n255\n', 0, 1, 2, 253, 254, 255));
    expect(image).toEqual({ width: 3, height: 2, pixels: Buffer.from([0, 1, 2, 253, 254, 255]) });
  });

  test('skips comments and any white space in the header, and nothing after it', () => {
    const header = 'P5#made by hand\r\n# 9 9\n\t2\n#one more\n 1 \n255\n';
    expect(pixelsOf(bytes(header, 32, 10))).toEqual([32, 10]);
  });

  test('reads 16 bits a pixel, most significant byte first, and scales to 8', () => {
    expect(pixelsOf(bytes('P5 3 1 65535\n', 0, 0, 128, 0, 255, 255))).toEqual([0, 128, 255]);
    expect(pixelsOf(bytes('P5 2 1 1023\n', 2, 0, 3, 255))).toEqual([128, 255]);
  });

  test('scales a smaller maximum', () => {
    expect(pixelsOf(bytes('P5 3 1 15\n', 0, 7, 15))).toEqual([0, 119, 255]);
  });

  test('reads the text form', () => {
    expect(pixelsOf(Buffer.from('P2\n# text\n2 2\n100\n0 50\n100\t  25'))).toEqual([0, 128, 255, 64]);
  });

  test('ignores what follows the last pixel', () => {
    expect(pixelsOf(bytes('P5 1 1 255\n', 7, 8, 9))).toEqual([7]);
    expect(pixelsOf(Buffer.from('P2 1 1 255\n7 8 9'))).toEqual([7]);
  });

  test.each([
    [bytes('P5\n'), 'PGM: the header is damaged'],
    [bytes('P5 4 -4 255\n'), 'PGM: the header is damaged'],
    [bytes('P5 4 4 255'), 'PGM: the header is damaged'],
    [bytes('P5 0 4 255\n'), 'PGM: the image has no pixels'],
    [bytes('P5 1 1 0\n', 1), 'PGM: the maximum is 0, not 1 to 65535'],
    [bytes('P5 1 1 65536\n', 1, 1), 'PGM: the maximum is 65536, not 1 to 65535'],
    [bytes('P5 2 2 255\n', 1, 2, 3), 'PGM: the file ends before its 2 x 2 pixels do'],
    [bytes('P5 2 2 256\n', 0, 1, 0, 2, 0, 3, 0), 'PGM: the file ends before its 2 x 2 pixels do'],
    [
      bytes('P5 999999999 999999999 255\n', 1),
      'PGM: the file ends before its 999999999 x 999999999 pixels do',
    ],
    [Buffer.from('P2 2 2 255\n100 100 100'), 'PGM: the file ends before its 2 x 2 pixels do'],
    [bytes('P5 1 1 100\n', 101), 'PGM: a pixel of 101 is above the maximum of 100'],
    [Buffer.from('P2 2 1 255\n1 x2'), 'PGM: a pixel is not a number'],
  ])('%s: %s', (file, reason) => {
    expect(() => decodePgm(file)).toThrow(new Error(reason));
  });
});
