import { describe, expect, test } from 'vitest';
import { header, planOf, problemsOf } from '../testing.ts';
import { readExpression } from './expression.ts';
import { splitText } from './pieces.ts';

/** An expression with every operator in brackets, or what is wrong with it. */
function shown(text: string): string {
  const read = readExpression(text, 0);
  if ('fault' in read) {
    const { offset, length, message, suggestion } = read.fault;
    return `${offset}+${length} ${message}${suggestion === undefined ? '' : ` [${suggestion}]`}`;
  }
  const write = (part: typeof read.expression): string => {
    if ('literal' in part) return JSON.stringify(part.literal);
    if ('reference' in part) return part.reference.written;
    return `(${[part.op, ...part.of.map(write)].join(' ')})`;
  };
  return write(read.expression);
}

describe('reading', () => {
  test.each([
    ['1 + 2 * 3', '(+ 1 (* 2 3))'],
    ['(1 + 2) * 3', '(* (+ 1 2) 3)'],
    ['1 - 2 - 3', '(- (- 1 2) 3)'],
    ['-params.a % 2', '(% (- params.a) 2)'],
    ['!params.a && params.b || params.c', '(|| (&& (! params.a) params.b) params.c)'],
    ['1 < 2 == 3 >= 4', '(== (< 1 2) (>= 3 4))'],
    ['params.a ? 1 : params.b ? 2 : 3', '(?: params.a 1 (?: params.b 2 3))'],
    ['2*steps.un-trained.*.loss*3', '(* (* 2 steps.un-trained.*.loss) 3)'],
    ['min(1, max(2, 3))', '(min 1 (max 2 3))'],
    [`'it"s' == "it's"`, `(== "it\\"s" "it's")`],
    ['1e-3 + 0.5', '(+ 0.001 0.5)'],
    ['true != false', '(!= true false)'],
    ['params.a-b - params.c', '(- params.a-b params.c)'],
  ])('%s', (text, expected) => {
    expect(shown(text)).toBe(expected);
  });

  test.each([
    ['1 +', '2+1 The expression ends where a value should be'],
    ['(1', '1+1 The expression ends where `)` should be'],
    ['1 2', '2+1 `2` stands where an operator should be'],
    ['* 2', '0+1 `*` stands where a value should be'],
    ['params.a = 1', '9+1 `=` is no comparison; write `==`'],
    ["'a", "0+1 `'` is never closed"],
    ['1 & 2', '2+1 `&` cannot stand in an expression'],
    ['1 ? 2', '4+1 The expression ends where `:` should be'],
    [
      'mx(1)',
      '0+2 `mx` is not a function; there are min, max, mean, abs, round, floor, ceil, length, join [max]',
    ],
    ['12345678901234567890', '0+20 12345678901234567890 is too large to be exact'],
    [
      'process.exit + 1',
      '0+7 References begin with `params`, `steps`, `matrix`, `secrets` or `run`, not `process`',
    ],
    [
      '1 + params.a.b',
      '4+10 `params.a.b` is not a reference; write `params.NAME`, `steps.STEP.OUTPUT`, `steps.STEP.*.OUTPUT`, `matrix.AXIS`, `secrets.NAME` or, in `always`, `run.status`',
    ],
    [Array.from({ length: 300 }, () => '1').join('+'), '0+599 The expression has more than 400 parts'],
  ])('%s is wrong', (text, fault) => {
    expect(shown(text)).toBe(fault);
  });

  test('braces in quotes do not close', () => {
    expect(splitText('a ${{ \'}}\' == "}}" }} b')).toMatchObject([
      { text: 'a ' },
      { expression: { op: '==', of: [{ literal: '}}' }, { literal: '}}' }] } },
      { text: ' b' },
    ]);
    expect(splitText("${{ it's }} x")).toMatchObject([{ fault: { offset: 6 } }, { text: ' x' }]);
  });
});

const params = `params:
  n: { type: integer, default: 4 }
  x: { type: number, default: 0.5 }
  s: { type: string, default: abc }
  b: { type: boolean, default: true }
  open: { type: integer }
`;
const train = (entry: string) => `${header}${params}steps:
  faces: { uses: ingest, with: { source: x } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }
  train:
    uses: train
    matrix: { k: [1, 2], v: [a, 1] }
    with:
      index: \${{ steps.people.index }}
      ${entry}
`;

/** What is wrong with `images: ${{ expression }}`, from its first character on. */
function faults(expression: string): string[] {
  return problemsOf(train(`images: "\${{ ${expression} }}"`)).map((problem) => {
    const [, column, rest] = /^17:(\d+) (.*)$/.exec(problem) ?? [];
    return rest === undefined ? problem : `${Number(column) - 20} ${rest}`;
  });
}

describe('types', () => {
  test.each([
    ['params.n * 2'],
    ['params.open + matrix.k'],
    ['steps.people.trainIdentities * 100'],
    ['round(params.x * 1000)'],
    ['params.b ? params.n : steps.people.trainIdentities'],
    ['max(params.n, 10) % 7'],
    ["params.s == 'abc' && matrix.k < 3 ? 1 : 2"],
    ['length(params.s)'],
    ['matrix.v == 1 ? 1 : 2', '0 21 The expression has no value: `==` compares a string and a number'],
    ['params.n == params.s', '0 20 `==` compares values of one type, not a whole number and a string'],
    ["1 + (params.s < 'b' ? 1 : 2)", '5 14 `<` takes numbers, not a string'],
    ["params.s + 'x'", '0 14 `+` adds numbers; texts stand side by side: "${{ … }}-${{ … }}"'],
    ['params.n && params.b', '0 20 `&&` takes true or false, not a whole number'],
    ['!params.n', '0 9 `!` takes true or false, not a whole number'],
    [
      'params.b ? 1 : params.s',
      '0 23 Both values of `?:` must be of one type, not a whole number and a string',
    ],
    ['params.n / 2'],
    ['params.open / 2', '0 15 This is a number, which `images` of `train` does not take'],
    ['steps.faces.dataset + 1', '0 19 `steps.faces.dataset` is a dataset, which has no value to work with'],
    ['abs(params.s)', '0 13 `abs` takes numbers, not a string'],
    ['round(1, 2, 3)', '0 14 `round` takes 1 to 2 values, not 3'],
    ['min()', '0 5 `min` takes at least one number or list of numbers'],
    ["join(params.s, ',')", '0 19 `join` takes a list and a string, not a string and a string'],
    ['1 % (params.n - 4)', '0 18 The expression has no value: it divides by zero'],
    ['params.n-1', '7 3 The pipeline has no param `n-1`; a minus needs blanks: `params.n - 1`'],
    ['params.n + params.nope', '18 4 The pipeline has no param `nope` [open]'],
    ['params.n - 9', '-5 21 `images` of `train` must be at least 0'],
  ])('%s', (expression, ...expected) => {
    expect(faults(expression)).toEqual(expected);
  });
});

describe('plans', () => {
  const imagesOf = (expression: string, given = {}) =>
    planOf(train(`images: "\${{ ${expression} }}"`), { open: 7, ...given }).steps.at(-1)?.with.images;

  test('hold what is known as a value, and the rest as a tree', () => {
    expect(imagesOf('params.n * params.open', { n: 3 })).toEqual({ literal: 21 });
    expect(imagesOf('params.n / 2')).toEqual({ literal: 2 });
    expect(imagesOf('params.b || steps.people.trainIdentities > 3 ? 1 : 2')).toEqual({ literal: 1 });
    expect(imagesOf('matrix.k * params.n + steps.people.trainIdentities')).toEqual({
      op: '+',
      of: [
        { op: '*', of: [{ ref: { from: 'matrix', axis: 'k' } }, { literal: 4 }] },
        { ref: { from: 'steps', step: 'people', output: 'trainIdentities', gather: false } },
      ],
    });
  });
});
