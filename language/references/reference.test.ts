import { describe, expect, test } from 'vitest';
import { splitText } from './pieces.ts';
import { nameAt } from './reference.ts';

function shown(text: string): unknown[] {
  return splitText(text).map((piece) => {
    if ('text' in piece) return piece.text;
    if ('fault' in piece) return `${piece.fault.offset}+${piece.fault.length} ${piece.fault.message}`;
    if (!('reference' in piece)) return piece.expression;
    const { written, reference, offset, length } = piece.reference;
    expect(text.slice(offset, offset + length)).toBe(written);
    return reference;
  });
}

describe('references', () => {
  test.each([
    ['${{ params.images }}', { from: 'params', param: 'images' }],
    ['${{params.images}}', { from: 'params', param: 'images' }],
    ['${{ matrix.head }}', { from: 'matrix', axis: 'head' }],
    ['${{ steps.train.loss }}', { from: 'steps', step: 'train', output: 'loss', gather: false }],
    ['${{ steps.un-trained.*.loss }}', { from: 'steps', step: 'un-trained', output: 'loss', gather: true }],
    [
      '${{ steps.unTrained_2.model }}',
      { from: 'steps', step: 'unTrained_2', output: 'model', gather: false },
    ],
  ])('%s', (text, reference) => {
    expect(shown(text)).toEqual([reference]);
  });

  test('stand inside a text', () => {
    expect(shown('a ${{ matrix.x }}-${{ params.y }} $5 }} b')).toEqual([
      'a ',
      { from: 'matrix', axis: 'x' },
      '-',
      { from: 'params', param: 'y' },
      ' $5 }} b',
    ]);
    expect(shown('')).toEqual(['']);
    expect(shown('plain {{ text }}')).toEqual(['plain {{ text }}']);
  });

  test('know where each of their names stands', () => {
    const text = 'x ${{  steps.train.*.loss }}';
    const [, piece] = splitText(text);
    if (piece === undefined || !('reference' in piece)) throw new Error('no reference');
    const names = [0, 1, 2, 3].map((index) => {
      const { offset, length } = nameAt(piece.reference, index);
      return text.slice(offset, offset + length);
    });
    expect(names).toEqual(['steps', 'train', '*', 'loss']);
  });
});

describe('faults', () => {
  const forms =
    '`params.NAME`, `steps.STEP.OUTPUT`, `steps.STEP.*.OUTPUT`, `matrix.AXIS`, `secrets.NAME` or, in `always`, `run.status`';
  test.each([
    ['a ${{ params.x', '2+3 This `${{` is never closed by `}}`'],
    ['${{ }}', `0+6 Empty reference; write ${forms}`],
    [
      '${{ inputs.x }}',
      '4+6 References begin with `params`, `steps`, `matrix`, `secrets` or `run`, not `inputs`',
    ],
    ['${{ params }}', `4+6 \`params\` is not a reference; write ${forms}`],
    ['${{ params.a.b }}', `4+10 \`params.a.b\` is not a reference; write ${forms}`],
    ['${{ steps.a }}', `4+7 \`steps.a\` is not a reference; write ${forms}`],
    ['${{ steps.*.a }}', `4+9 \`steps.*.a\` is not a reference; write ${forms}`],
    ['${{ steps.a.*.b.c }}', `4+13 \`steps.a.*.b.c\` is not a reference; write ${forms}`],
  ])('%s', (text, fault) => {
    expect(shown(text).at(-1)).toBe(fault);
  });
});
