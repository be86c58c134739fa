import { describe, expect, test } from 'vitest';
import { compile } from './compile.ts';
import { instancesOf } from './plan/resolve.ts';
import { header, planOf, problemsOf, registry } from './testing.ts';
import type { JsonObject } from './text/json.ts';

const people = `  faces: { uses: ingest, with: { source: x } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }
`;

/** A pipeline with one param of the type `list` and a training; lines count from the param, as its place does. */
function pipeline(param: string, train: string): string {
  return `${header}params:\n  ratios: { type: list, ${param} }\nsteps:\n${people}  train: { uses: train, ${train} }\n`;
}

const withPool = 'with: { index: "${{ steps.people.index }}", poolRatio: "${{ matrix.pool }}" }';
const axis = `matrix: { pool: "\${{ params.ratios }}" }, ${withPool}`;
const plain = 'with: { index: "${{ steps.people.index }}" }';

/** What is wrong with the params of a run, or its problems. */
function refused(text: string, params: JsonObject): string[] {
  const compiled = compile({ text, digest: 'd' }, params, registry);
  if ('plan' in compiled) return [];
  if ('problems' in compiled) return compiled.problems.map(({ message }) => `problem: ${message}`);
  return compiled.paramProblems.map(({ param, message }) => `${param}: ${message}`);
}

const trainings = (text: string, params: JsonObject = {}) =>
  instancesOf(planOf(text, params), 'train').map(({ id }) => id);

describe('a list param', () => {
  test.each([
    [
      'items: strng',
      '<strng> `items` must be one of string, integer, number, boolean, or a map such as { type: number, minimum: 0 }',
    ],
    [
      'items: 3',
      '<3> `items` must be one of string, integer, number, boolean, or a map such as { type: number, minimum: 0 }',
    ],
    ['default: [1]', '<ratios> `items` is missing'],
    ['items: { minimum: 1 }', '<items> `type` of `items` is missing'],
    ['items: { type: nmber }', '<nmber> `type` must be one of string, integer, number, boolean [number]'],
    ['items: { type: list }', '<list> `type` must be one of string, integer, number, boolean'],
    ['items: { type: number, minLength: 1 }', '<minLength> `minLength` is not a key of items of type number'],
    ['items: { type: number, default: 1 }', '<default> `default` is not a key of items of type number'],
    [
      'items: { type: number, minimum: 2, maximum: 1 }',
      '<2> `minimum` must be at most `maximum`, which is 1',
    ],
    ['items: number, minItems: 3, maxItems: 2', '<3> `minItems` must be at most `maxItems`, which is 2'],
    ['items: number, minItems: 1.5', '<1.5> `minItems` must be a whole number, not 1.5'],
    ['items: number, minItems: few', '<few> `minItems` must be a whole number, not a string'],
    ['items: number, default: 3', '<3> `default` must be a list, not 3'],
    ['items: number, default: [1, x]', '<x> `default[1]` must be a number, not a string'],
    ['items: integer, default: [1.5]', '<1.5> `default[0]` must be a whole number, not 1.5'],
    ['items: { type: number, maximum: 1 }, default: [0.5, 2]', '<2> `default[1]` must be at most 1'],
    ['items: number, maxItems: 1, default: [1, 2]', '<[1, 2]> `default` must have at most 1 item'],
    ['items: number, minimum: 1', '<minimum> `minimum` is not a key of a param of type list'],
  ])('%s', (param, problem) => {
    const line = `  ratios: { type: list, ${param} }`;
    expect(
      problemsOf(pipeline(param, plain)).map((found) =>
        found.replace(/^4:(\d+) (\d+) /, (_, column, length) => {
          const start = Number(column) - 1;
          return `<${line.slice(start, start + Number(length))}> `;
        }),
      ),
    ).toEqual([problem]);
  });

  test.each([
    [{}, 'ratios: `ratios` is missing: a list of numbers (Ratios)'],
    [{ ratios: 0.5 }, 'ratios: `ratios` must be a list such as [1, 2], not 0.5'],
    [{ ratios: '[0.5' }, 'ratios: `ratios` must be a list such as [1, 2], not a string'],
    [{ ratios: [] }, 'ratios: `ratios` must have at least 1 item'],
    [{ ratios: [0.5, 'x'] }, 'ratios: `ratios[1]` must be a number, not a string'],
    [{ ratios: [0.5, 1.5] }, 'ratios: `ratios[1]` must be at most 1'],
  ])('given as %j', (params, problem) => {
    const text = pipeline('title: Ratios, items: { type: number, maximum: 1 }, minItems: 1', plain);
    expect(refused(text, params as JsonObject)).toEqual([problem]);
  });
});

describe('values of a list', () => {
  const using = (param: string, value: string) =>
    pipeline(param, `with: { index: "\${{ steps.people.index }}", ${value} }`);

  test('go whole to a param of a step, and are checked there', () => {
    const text = using('items: string', 'augment: "${{ params.ratios }}"');
    const { steps } = planOf(text, { ratios: ['flip', 'blur'] });
    expect(steps.at(-1)?.with.augment).toEqual({ literal: ['flip', 'blur'] });
    expect(refused(text, { ratios: ['flip', 'haze'] })).toEqual([
      'ratios: `ratios`: `augment[1]` of `train` must be one of flip, shift, crop, brightness, blur, downscale, jpeg, occlusion',
    ]);
    expect(problemsOf(using('items: number', 'seed: "${{ params.ratios }}"'))).toEqual([
      '8:80 13 `params.ratios` is a list of numbers, which `seed` of `train` does not take',
    ]);
  });

  test('in expressions', () => {
    const whole = using(
      'items: integer, default: [3, 9]',
      'seed: "${{ max(params.ratios) + length(params.ratios) }}"',
    );
    expect(planOf(whole).steps.at(-1)?.with.seed).toEqual({ literal: 11 });
    // What is only known by its type.
    expect(problemsOf(using('items: integer', 'seed: "${{ max(params.ratios) }}"'))).toEqual([]);
    expect(problemsOf(using('items: number', 'seed: "${{ max(params.ratios) }}"'))).toEqual([
      '8:80 18 This is a number, which `seed` of `train` does not take',
    ]);
    expect(problemsOf(using('items: string', 'seed: "${{ max(params.ratios) }}"'))).toEqual([
      '8:80 18 `max` takes numbers and lists of them, not a list of strings',
    ]);
    expect(problemsOf(using('items: number', 'seed: "${{ params.ratios == 1 ? 1 : 2 }}"'))).toEqual([
      '8:80 18 `==` does not compare lists',
    ]);
    expect(problemsOf(using('items: number', 'seed: "x${{ params.ratios }}"'))).toEqual([
      "8:81 13 `params.ratios` is a list and cannot be part of a text, but `join(params.ratios, ', ')` can",
    ]);
    expect(refused(using('items: integer', 'seed: "${{ max(params.ratios) }}"'), { ratios: [] })).toEqual([
      'ratios: `ratios`: The expression has no value: `max` has nothing to work on',
    ]);
  });
});

describe('a list as an axis', () => {
  const text = pipeline('items: number, default: [0.1, 1]', axis);

  test('gives an instance for every item, of the default or of the run', () => {
    expect(trainings(text)).toEqual(['train[pool=0.1]', 'train[pool=1]']);
    expect(trainings(text, { ratios: [0.5] })).toEqual(['train[pool=0.5]']);
    const [, , train] = planOf(text).steps;
    expect(train?.axes).toEqual([{ name: 'pool', origin: 'train', values: [0.1, 1] }]);
  });

  test('its values are checked wherever they come from', () => {
    const tooLarge = '`poolRatio` of `train` must be at most 1';
    expect(refused(text, { ratios: [0.5, 2] })).toEqual([`ratios: \`ratios\`: ${tooLarge}`]);
    expect(problemsOf(pipeline('items: number, default: [0.5, 2]', axis))).toEqual([
      `8:41 22 ${tooLarge}; \`ratios\` has 2 by default`,
    ]);
    expect(problemsOf(pipeline('items: string', axis))).toEqual([
      '8:127 11 `matrix.pool` is a string, which `poolRatio` of `train` does not take',
    ]);
    expect(problemsOf(pipeline('items: number', axis))).toEqual([]);
  });

  test.each([
    [[], '`ratios` has no items, but they are the values of the axis `pool` of `train`'],
    [
      [0.5, 1, 0.5],
      '`ratios[2]` is there a second time, but they are the values of the axis `pool` of `train`',
    ],
  ])('items that cannot be told apart: %j', (ratios, message) => {
    expect(refused(text, { ratios })).toEqual([`ratios: ${message}`]);
    expect(problemsOf(pipeline(`items: number, default: ${JSON.stringify(ratios)}`, axis))).toEqual([
      `8:41 22 ${message}; it is ${JSON.stringify(ratios)} by default`,
    ]);
  });

  test.each([
    ['${{ params.ratio }}', '53 5 The pipeline has no param `ratio` [ratios]'],
    [
      'x ${{ params.ratios }}',
      '41 24 `pool` must be a list, or one list param and nothing else: ${{ params.NAME }}',
    ],
    [
      '${{ max(params.ratios) }}',
      '41 27 `pool` must be a list, or one list param and nothing else: ${{ params.NAME }}',
    ],
    [
      '${{ steps.people.trainIdentities }}',
      '41 37 `pool` must be a list, or one list param and nothing else: ${{ params.NAME }}',
    ],
    ['${{ params.n }}', '41 17 `n` is a param of type integer, but an axis takes a list'],
  ])('%s is none', (reference, problem) => {
    const other = pipeline('items: number', `matrix: { pool: "${reference}" }, ${plain}`);
    const withN = other.replace('params:\n', 'params:\n  n: { type: integer }\n');
    expect(problemsOf(withN)).toEqual([`9:${problem}`]);
  });

  test('beside other axes, `exclude` and `include` take what the run has', () => {
    const both = pipeline(
      'items: number, default: [0.1, 1]',
      `matrix: { pool: "\${{ params.ratios }}", head: [dcp, fc], exclude: [{ pool: 0.1, head: fc }], include: [{ pool: 0.5, head: dcp }] }, ${withPool}`,
    );
    const ids = (params: JsonObject = {}) =>
      trainings(both, params).map((id) => id.slice('train[pool='.length, -1));
    expect(ids()).toEqual(['0.1,head=dcp', '1,head=dcp', '1,head=fc', '0.5,head=dcp']);
    expect(ids({ ratios: [0.5] })).toEqual(['0.5,head=dcp', '0.5,head=fc']);
    expect(ids({ ratios: [0.1] })).toEqual(['0.1,head=dcp', '0.5,head=dcp']);
    expect(problemsOf(both.replace(', default: [0.1, 1]', ''))).toEqual([]);
    expect(
      refused(both.replace('head: dcp }] }', 'head: dcp }, { pool: 3, head: dcp }] }'), { ratios: [0.2] }),
    ).toEqual(['problem: `poolRatio` of `train` must be at most 1']);
  });

  test('in a pipeline that is used', () => {
    const inner = pipeline('items: number', axis).replace('name: example', 'name: inner');
    const outer = (ratios: string) =>
      `${header}params: { mine: { type: list, items: number, default: [0.2, 0.3] } }\nsteps:\n  sub: { uses: pipeline, with: { pipeline: inner, params: { ratios: ${ratios} } } }\n`;
    const ids = (ratios: string) =>
      instancesOf(planOf(outer(ratios), {}, { inner }), 'sub.train').map(({ id }) => id);
    expect(ids('[0.4]')).toEqual(['sub.train[pool=0.4]']);
    expect(ids('"${{ params.mine }}"')).toEqual(['sub.train[pool=0.2]', 'sub.train[pool=0.3]']);
    expect(problemsOf(outer('[0.4, 0.4]'), { inner })).toEqual([
      '5:69 10 In `inner`, `ratios[1]` is there a second time, but they are the values of the axis `pool` of `train`',
    ]);
    const differing = outer('"${{ matrix.r }}"').replace(
      'uses: pipeline,',
      'uses: pipeline, matrix: { r: [[0.1], [0.2]] },',
    );
    expect(problemsOf(differing, { inner })).toEqual([
      expect.stringContaining('`ratios` gives an axis its values, so it must be known before the run'),
    ]);
  });
});
