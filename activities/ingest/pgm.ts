import { Unusable } from './source.ts';

export interface GreyImage {
  width: number;
  height: number;
  /** 8 bits a pixel, row by row, black is 0. */
  pixels: Buffer;
}

interface Header {
  width: number;
  height: number;
  /** The level that is white. */
  maximum: number;
  /** Where the pixels begin. */
  end: number;
}

/** Reads a portable graymap: P5 (binary, 8 or 16 bits) or P2 (text). Brightness is scaled to 0..255. */
export function decodePgm(bytes: Buffer): GreyImage {
  const header = readHeader(bytes);
  const { width, height, maximum } = header;
  if (width * height === 0) throw new Unusable('PGM: the image has no pixels');
  if (maximum === 0 || maximum > 65_535) throw new Unusable(`PGM: the maximum is ${maximum}, not 1 to 65535`);
  const levels =
    bytes.toString('latin1', 0, 2) === 'P2' ? readText(bytes, header) : readBinary(bytes, header);
  const pixels = Buffer.alloc(levels.length);
  for (let at = 0; at < levels.length; at++) {
    const level = levels[at] ?? 0;
    if (level > maximum) throw new Unusable(`PGM: a pixel of ${level} is above the maximum of ${maximum}`);
    pixels[at] = maximum === 255 ? level : Math.round((level * 255) / maximum);
  }
  return { width, height, pixels };
}

/** Three numbers after the two bytes that tell the format, with white space and `#` comments between them. */
function readHeader(bytes: Buffer): Header {
  const head = bytes.toString('latin1', 0, 4096);
  let end = 2;
  const nextNumber = () => {
    const found = /^(?:\s|#[^\n\r]*[\n\r])+(\d{1,9})(?=\s)/.exec(head.slice(end));
    if (found === null) throw new Unusable('PGM: the header is damaged');
    end += found[0].length;
    return Number(found[1]);
  };
  return { width: nextNumber(), height: nextNumber(), maximum: nextNumber(), end: end + 1 };
}

function readBinary(bytes: Buffer, header: Header): Uint8Array | Uint16Array {
  const { maximum, end } = header;
  const count = header.width * header.height;
  const bytesPerPixel = maximum > 255 ? 2 : 1;
  if (bytes.length < end + count * bytesPerPixel) throw truncated(header);
  if (bytesPerPixel === 1) return bytes.subarray(end, end + count);
  const levels = new Uint16Array(count);
  for (let at = 0; at < count; at++) levels[at] = bytes.readUInt16BE(end + 2 * at);
  return levels;
}

function readText(bytes: Buffer, header: Header): Uint32Array {
  const count = header.width * header.height;
  // A pixel takes a digit and a space, so a header cannot make us take more memory than twice the file.
  if (bytes.length - header.end < 2 * count - 1) throw truncated(header);
  const levels = new Uint32Array(count);
  let filled = 0;
  let word = '';
  for (let at = header.end; at <= bytes.length && filled < count; at++) {
    const char = at < bytes.length ? String.fromCharCode(bytes[at] ?? 0) : ' ';
    if (!/\s/.test(char)) {
      word += char;
    } else if (word !== '') {
      if (!/^\d{1,9}$/.test(word)) throw new Unusable(`PGM: a pixel is not a number`);
      levels[filled++] = Number(word);
      word = '';
    }
  }
  if (filled < count) throw truncated(header);
  return levels;
}

function truncated({ width, height }: Header): Unusable {
  return new Unusable(`PGM: the file ends before its ${width} x ${height} pixels do`);
}
