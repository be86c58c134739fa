import { describe, expect, it } from 'vitest';
import { bytes, columns, counted, duration } from './text.ts';

describe('duration', () => {
  it.each([
    [850, '850 ms'],
    [12_340, '12.3 s'],
    [245_000, '4 min 05 s'],
    [11_520_000, '3 h 12 min'],
  ])('writes %d ms as %s', (ms, text) => expect(duration(ms)).toBe(text));
});

describe('bytes', () => {
  it.each([
    [12, '12 B'],
    [2048, '2.0 KiB'],
    [3.5 * 1024 ** 3, '3.5 GiB'],
  ])('writes %d as %s', (count, text) => expect(bytes(count)).toBe(text));
});

it('counts things', () => {
  expect([counted(0, 'file'), counted(1, 'file'), counted(2, 'file')]).toEqual([
    '0 files',
    '1 file',
    '2 files',
  ]);
});

describe('columns', () => {
  it('pads every column to its longest cell and leaves no space at the end of a line', () => {
    expect(
      columns([
        ['a', 'bbb', ''],
        ['cccc', 'd', 'e'],
      ]),
    ).toBe('a     bbb\ncccc  d    e');
  });
});
