export type Format = 'JPEG' | 'PNG' | 'WebP' | 'GIF' | 'TIFF' | 'AVIF' | 'PGM';

/** What an image is by its first bytes, whatever its name says; undefined if it is none of the known formats. */
export function formatOf(bytes: Buffer): Format | undefined {
  const begins = (text: string, at = 0) => bytes.toString('latin1', at, at + text.length) === text;
  if (begins('\xFF\xD8\xFF')) return 'JPEG';
  if (begins('\x89PNG\r\n\x1A\n')) return 'PNG';
  if (begins('RIFF') && begins('WEBP', 8)) return 'WebP';
  if (begins('GIF87a') || begins('GIF89a')) return 'GIF';
  if (begins('II*\0') || begins('MM\0*')) return 'TIFF';
  if (begins('ftyp', 4) && (begins('avif', 8) || begins('avis', 8))) return 'AVIF';
  if (/^P[25][\s#]/.test(bytes.toString('latin1', 0, 3))) return 'PGM';
  return undefined;
}
