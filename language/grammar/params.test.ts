import { describe, expect, test } from 'vitest';
import { readPipeline } from '../check.ts';
import { header, problemsOf, registry } from '../testing.ts';
import { fillParams, type ParamDefinition } from './params.ts';

const steps = 'steps:\n  faces: { uses: ingest, with: { source: x } }\n';

function paramProblems(params: string): string[] {
  return problemsOf(`${header}${steps}params:\n${params}`);
}

describe('definitions', () => {
  test('are read as they stand', () => {
    const params = [
      '  source: { type: string, title: Images, description: Where, minLength: 1, default: x }',
      '  images: { type: integer, minimum: 1, maximum: 10, default: 5 }',
      '  ratio: { type: number, default: 0.1 }',
      '  fast: { type: boolean }',
      '  head: { type: enum, values: [dcp, fc], default: fc }',
    ].join('\n');
    const read = readPipeline(`${header}${steps}params:\n${params}`, registry);
    if ('problems' in read) throw new Error(JSON.stringify(read.problems));
    expect(read.pipeline.params).toEqual({
      source: { type: 'string', title: 'Images', description: 'Where', minLength: 1, default: 'x' },
      images: { type: 'integer', minimum: 1, maximum: 10, default: 5 },
      ratio: { type: 'number', default: 0.1 },
      fast: { type: 'boolean' },
      head: { type: 'enum', values: ['dcp', 'fc'], default: 'fc' },
    });
  });

  test.each([
    ['  a: 3', '6:6 1 `a` must be a map, not 3'],
    ['  a: { title: x }', '6:3 1 `type` of the param `a` is missing'],
    [
      '  a: { type: strng }',
      '6:14 5 `type` must be one of string, integer, number, boolean, enum, list, artifact, secret [string]',
    ],
    ['  a: { type: enum }', '6:3 1 `values` is missing'],
    ['  a: { type: enum, values: [] }', '6:28 2 `values` must have at least 1 item'],
    ['  a: { type: enum, values: [x, x] }', '6:32 1 `x` is given twice in `values`'],
    ['  a: { type: enum, values: [x, 1] }', '6:32 1 `values[1]` must be a string, not 1'],
    ['  a: { type: enum, values: [dcp, fc], default: dpc }', '6:48 3 `default` must be one of dcp, fc [dcp]'],
    ['  a: { type: string, minimum: 1 }', '6:22 7 `minimum` is not a key of a param of type string'],
    ['  a: { type: string, minLength: 3, default: xy }', '6:45 2 `default` must have at least 3 characters'],
    ['  a: { type: integer, default: 1.5 }', '6:32 3 `default` must be a whole number, not 1.5'],
    ['  a: { type: integer, default: "1" }', '6:32 3 `default` must be a whole number, not a string'],
    ['  a: { type: number, minimum: 2, default: 1 }', '6:43 1 `default` must be at least 2'],
    ['  a: { type: number, maximum: 2, default: 3 }', '6:43 1 `default` must be at most 2'],
    [
      '  a: { type: number, minimum: 2, maximum: 1 }',
      '6:31 1 `minimum` must be at most `maximum`, which is 1',
    ],
    ['  a: { type: boolean, default: yes }', '6:32 3 `default` must be true or false, not a string'],
    [
      '  a: { type: boolean, defualt: true }',
      '6:23 7 `defualt` is not a key of a param of type boolean [default]',
    ],
    [
      '  1a: { type: boolean }',
      '6:3 2 `1a` cannot be the name of a param: up to 63 letters, digits, - and _, beginning with a letter',
    ],
  ])('%s', (params, problem) => {
    expect(paramProblems(params)).toEqual([problem]);
  });
});

describe('the params of a run', () => {
  const definitions: Record<string, ParamDefinition> = {
    source: { type: 'string', title: 'Images' },
    images: { type: 'integer', minimum: 1, default: 100 },
    head: { type: 'enum', values: ['dcp', 'fc'], default: 'dcp' },
  };

  test('are those given and the defaults of the others', () => {
    expect(fillParams(definitions, { source: 'x', head: 'fc' })).toEqual({
      values: { source: 'x', images: 100, head: 'fc' },
      problems: [],
    });
  });

  test('a number that is too large to be exact comes as a text', () => {
    const { problems } = fillParams(definitions, { source: 'x', images: '99999999999999999999' });
    expect(problems).toEqual([
      {
        param: 'images',
        message: '`images` must be at most 9007199254740991: this number is too large to be exact',
      },
    ]);
  });

  test('all that is wrong is said at once', () => {
    const { values, problems } = fillParams(definitions, { imags: 5, images: 0, head: 'fcc' });
    expect(values).toEqual({});
    expect(problems).toEqual([
      { param: 'imags', message: '`imags` is not a param', suggestion: 'images' },
      { param: 'source', message: '`source` is missing: a string (Images)' },
      { param: 'images', message: '`images` must be at least 1' },
      { param: 'head', message: '`head` must be one of dcp, fc', suggestion: 'fc' },
    ]);
  });

  test('a value is never converted', () => {
    expect(
      fillParams(definitions, { source: 5, images: '7' }).problems.map(({ message }) => message),
    ).toEqual(['`source` must be a string, not 5', '`images` must be a whole number, not a string']);
  });

  test('a whole number is a whole number', () => {
    expect(fillParams(definitions, { source: 'x', images: 1.5 }).problems).toEqual([
      { param: 'images', message: '`images` must be a whole number, not 1.5' },
    ]);
  });

  test('names of Object.prototype are names like any other', () => {
    expect(fillParams({}, { constructor: 1 }).problems).toEqual([
      { param: 'constructor', message: '`constructor` is not a param' },
    ]);
    expect(fillParams({ toString: { type: 'string' as const } }, {}).problems).toEqual([
      { param: 'toString', message: '`toString` is missing: a string' },
    ]);
  });
});
