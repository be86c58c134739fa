import { expect, test } from 'vitest';
import { naturalKey } from './natural.ts';

const sorted = (names: string[]) =>
  names
    .map((name) => ({ name, key: Buffer.from(naturalKey(name)) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ name }) => name);

test('digits compare as numbers wherever they stand', () => {
  expect(sorted(['s10', 's2', 's1', 's2/10.pgm', 's2/9.pgm', 't1', 's', 's02b', 's2a'])).toEqual([
    's',
    's1',
    's2',
    's2/9.pgm',
    's2/10.pgm',
    's2a',
    's02b',
    's10',
    't1',
  ]);
});

test('numbers longer than any integer type keep their order', () => {
  const long = '9'.repeat(30);
  expect(sorted([`1${long}`, long, `2${'0'.repeat(30)}`])).toEqual([long, `1${long}`, `2${'0'.repeat(30)}`]);
});

test('leading zeros do not count', () => {
  expect(naturalKey('s007')).toBe(naturalKey('s7'));
  expect(naturalKey('s000')).toBe(naturalKey('s0'));
});
