import { describe, expect, test } from 'vitest';
import { stepProblems } from '../testing.ts';
import { parseScalar, parseYaml } from './parse.ts';

function faults(text: string): string[] {
  return parseYaml(text).problems.map(
    ({ line, column, length, message }) => `${line}:${column} ${length} ${message}`,
  );
}

describe('values', () => {
  test('are those of the YAML 1.2 core schema', () => {
    const text =
      '%YAML 1.1\n---\nswitch: yes\noctal: 0o17\nold: 017\nnothing: ~\nbig: 1e3\ndate: 2026-01-01\n<<: 1\n';
    expect(parseYaml(text).value).toEqual({
      switch: 'yes',
      octal: 15,
      old: 17,
      nothing: null,
      big: 1000,
      date: '2026-01-01',
      '<<': 1,
    });
    expect(faults(text)).toEqual([]);
  });

  test('an alias stands for a copy of its anchor', () => {
    expect(parseYaml('a: &x { k: [1] }\nb: *x\n').value).toEqual({ a: { k: [1] }, b: { k: [1] } });
  });

  test('what JSON cannot hold is refused', () => {
    expect(faults('a: .nan\nb: -.inf\nc: 12345678901234567890\nd: 1e300\n')).toEqual([
      '1:4 4 .nan is not a finite number',
      '2:4 5 -.inf is not a finite number',
      '3:4 20 12345678901234567890 is too large to be exact; put it in quotes if it is a name',
    ]);
    expect(faults('__proto__: 1\n')).toEqual(['1:1 9 `__proto__` cannot be a key']);
  });
});

describe('faults of the text', () => {
  test.each([
    ['a: 1\nb: 2\na: 3\n', '3:1 1 `a` is given twice'],
    ['a: 1\nb:\na: 3\n', '3:1 1 `a` is given twice'],
    ['a:\n"b c": 2\n"b c": 3\n', '3:1 5 `"b c"` is given twice'],
    ['a:\n\t- b\n', '2:1 1 Not valid YAML: Tabs are not allowed as indentation'],
    ['a: b: c\n', '1:4 1 Not valid YAML: Nested mappings are not allowed in compact mappings'],
    ['? [a]\n: b\n', '1:3 1 Not valid YAML: With stringKeys, all keys must be strings'],
    ['a: "\\q"\n', '1:5 1 Not valid YAML: Invalid escape sequence \\q'],
    ['a: !!set {x}\n', '1:4 5 Not valid YAML: Unresolved tag: tag:yaml.org,2002:set'],
    ['a: 1\n---\nb: 2\n', '2:1 3 The file holds more than one YAML document'],
    ['a: *x\n', '1:4 2 The alias `*x` has no anchor before it'],
    ['a: &x [1, *x]\n', '1:11 2 The alias `*x` stands inside its own anchor'],
    ['a: { b: ${{ params.x }} }\n', '1:10 1 Inside { } and [ ] a reference must be in quotes: "${{ ... }}"'],
  ])('%j', (text, fault) => {
    expect(faults(text)).toEqual([fault]);
  });

  test('a key given twice does not hide the rest of the file', () => {
    expect(parseYaml('a: 1\na: 2\nb: 3\n').value).toEqual({ a: 2, b: 3 });
  });

  test('one line of a broken text gives one problem', () => {
    expect(faults('a: { b: }} c }}\nd: ]]\n').map((fault) => fault.split(':')[0])).toEqual(['1', '2']);
  });
});

test('a fault that an alias brings in at several places is reported once', () => {
  const steps =
    '  a: { uses: ingest, with: &w { source: x, quality: 1 } }\n  b: { uses: ingest, with: *w }\n';
  expect(stepProblems(steps)).toEqual(['1:53 1 `quality` of `ingest` must be at least 50']);
});

describe('limits', () => {
  test('aliases of aliases do not unfold without end', () => {
    const rows = ['a: &l0 [x, x]'];
    for (let level = 1; level < 30; level++)
      rows.push(`a${level}: &l${level} [*l${level - 1}, *l${level - 1}]`);
    expect(faults(rows.join('\n'))).toEqual(['1:1 1 The aliases of the file unfold to too many values']);
  });

  test('neither many keys nor many aliases take more than their number', () => {
    const many = Array.from({ length: 20_000 }, (_, index) => index);
    const lines = (line: (index: number) => string): string => many.map(line).join('\n');
    expect(faults(lines((index) => `k${index}: 1`))).toEqual([]);
    expect(faults(lines(() => '- *a'))).toHaveLength(many.length);
    expect(faults(lines((index) => `- &a${index} [&b${index} 1, *b${index}]\n- *a${index}`))).toEqual([]);
    expect(faults(`a: &a 1\nb:\n${lines(() => '- *a')}`)).toEqual([
      '1:1 1 The aliases of the file unfold to too many values',
    ]);
  });

  test('nesting', () => {
    const deep = '1:1 1 The file nests values more than 50 levels deep';
    expect(faults(`a: ${'['.repeat(49)}${']'.repeat(49)}`)).toEqual([]);
    expect(faults(`a: ${'['.repeat(60)}${']'.repeat(60)}`)).toEqual([deep]);
    expect(
      faults(`a: &a ${'['.repeat(40)}${']'.repeat(40)}\nb: ${'['.repeat(40)}*a${']'.repeat(40)}`),
    ).toEqual([deep]);
    expect(parseYaml('['.repeat(100_000)).value).toBeUndefined();
  });

  test('length', () => {
    expect(faults(`# ${'x'.repeat(1024 * 1024)}`)).toEqual(['1:1 1 The file is longer than 1 MiB']);
  });
});

describe('places', () => {
  const text = [
    'top: plain',
    'map: { key: "quoted", list: [1, 22] }',
    'block:',
    '  inner:',
    '    - first',
    'empty:',
    'alias: &a { deep: 5 }',
    'copy: *a',
  ].join('\n');
  const yaml = parseYaml(text);

  test.each([
    [['top'], { line: 1, column: 6, length: 5 }],
    [['map', 'key'], { line: 2, column: 13, length: 8 }],
    [['map', 'list', 1], { line: 2, column: 33, length: 2 }],
    [['block', 'inner', 0], { line: 5, column: 7, length: 5 }],
    [['block'], { line: 3, column: 1, length: 5 }],
    [['empty'], { line: 6, column: 1, length: 5 }],
    [['copy', 'deep'], { line: 7, column: 19, length: 1 }],
    [['map', 'missing'], { line: 2, column: 1, length: 3 }],
    [[], { line: 1, column: 1, length: 1 }],
  ])('value of %j', (path, span) => {
    expect(yaml.valueSpan(path)).toMatchObject({ line: span.line, column: span.column });
    if (path.length > 0) expect(yaml.valueSpan(path)).toEqual(span);
  });

  test('a key', () => {
    expect(yaml.keySpan(['map', 'list'])).toEqual({ line: 2, column: 23, length: 4 });
    expect(yaml.keySpan(['block', 'inner', 0])).toEqual({ line: 4, column: 3, length: 5 });
  });

  test.each([
    ['plain', 'a: one two one\n', { line: 1, column: 12, length: 3 }],
    ['in double quotes with escapes', 'a: "\\u0020\\tone two one"\n', { line: 1, column: 21, length: 3 }],
    ['in single quotes', "a: 'it''s one two one'\n", { line: 1, column: 19, length: 3 }],
    ['folded', 'a: >\n  one\n  two one\n', { line: 3, column: 7, length: 3 }],
    ['literal', 'a: |\n  one\n\n  two one\n', { line: 4, column: 7, length: 3 }],
    ['under CRLF', 'b: 1\r\na: one two one\r\n', { line: 2, column: 12, length: 3 }],
  ])('a part of a text, %s', (_name, source, span) => {
    const parsed = parseYaml(source);
    const value = (parsed.value as { a: string }).a;
    expect(parsed.textSpan(['a'], value.lastIndexOf('one'), 3)).toEqual(span);
  });
});

test.each([
  ['20000', 20000],
  ['1e-3', 0.001],
  ['true', true],
  ['"true"', 'true'],
  ['s3://bucket/prefix', 's3://bucket/prefix'],
  ['', ''],
  ['a: b', 'a: b'],
  ['[1]', '[1]'],
  ['null', 'null'],
  ['*x', '*x'],
  ['.nan', '.nan'],
])('as a scalar, %j is %j', (text, value) => {
  expect(parseScalar(text)).toBe(value);
});
