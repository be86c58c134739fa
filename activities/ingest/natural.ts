/**
 * A text whose plain byte order is the natural order of its input: digits compare as numbers, so that s2
 * comes before s10. Each run of digits becomes its length and its digits, without leading zeros.
 */
export function naturalKey(text: string): string {
  return text.replace(/\d+/g, (digits) => {
    const number = digits.replace(/^0+(?=\d)/, '');
    return number.length.toString().padStart(4, '0') + number;
  });
}
