import { describe, expect, test } from 'vitest';
import { compile } from '../compile.ts';
import { header, planOf, problemsOf, registry, stepProblems } from '../testing.ts';
import type { JsonObject } from '../text/json.ts';

const people = [
  '  faces: { uses: ingest, with: { source: x } }',
  '  people: { uses: index, with: { dataset: "${{ steps.faces.dataset }}" } }',
].join('\n');

/** Problems of a `train` step with this entry in its `with`, without their places. */
function trainMessages(entry: string, params = ''): string[] {
  const text = `${header}steps:\n${people}\n  train:\n    uses: train\n    with:\n      index: \${{ steps.people.index }}\n      ${entry}\n${params}`;
  return problemsOf(text).map((problem) => problem.replace(/^\S+ \d+ /, ''));
}

describe('literals', () => {
  test.each([
    ['sample:unknown', 'must be sample:att-faces, if it is a sample'],
    ['s3://', 'must name a bucket, as in s3://bucket/prefix'],
    ['images/people', 'must be no relative path: workers run in another folder; write an absolute one'],
    [
      '${{ steps.faces.instances }}',
      'does not take; with text around it, it does: "a text ${{ steps.faces.instances }}"',
    ],
  ])('a source %s', (source, says) => {
    expect(stepProblems(`${people}\n  a: { uses: ingest, with: { source: "${source}" } }`)).toEqual([
      expect.stringContaining(`\`source\` of \`ingest\` ${says}`),
    ]);
  });

  test.each([
    ['head: dpc', '`head` of `train` must be one of dcp, partialFc, fc [dcp]'],
    ['images: 1.5', '`images` of `train` must be a whole number, not 1.5'],
    ['images: many', '`images` of `train` must be a whole number, not a string'],
    ['images: -1', '`images` of `train` must be at least 0'],
    ['images: ~', '`images` of `train` must be a whole number, not empty'],
    ['images:', '`images` of `train` must be a whole number, not empty'],
    ['scale: 0', '`scale` of `train` must be more than 0'],
    ['poolRatio: 2', '`poolRatio` of `train` must be at most 1'],
    ['instancesPerStep: 3', '`instancesPerStep` of `train` must be a multiple of 2'],
    ['augment: flip', '`augment` of `train` must be a list, not a string'],
    [
      'augment: [flip, 3]',
      '`augment[1]` of `train` must be one of flip, shift, crop, brightness, blur, downscale, jpeg, occlusion',
    ],
    ['backbone: resnet', '`backbone` of `train` must be one of mbf, r18, r34, r50, r100'],
    ['constructor: 1', '`constructor` is not a param of `train`'],
  ])('%s', (entry, message) => {
    expect(trainMessages(entry)).toEqual([message]);
  });

  test.each([
    [
      'poolRatio: 0.5\n      poolSize: 9',
      '`poolSize` of `train` must be left out where `poolRatio` is given',
    ],
    [
      'poolSize: 63',
      '`poolSize` of `train` must be at least 96, the identities of one pass (`identitiesPerStep` + `instancesPerStep` / 2)',
    ],
    [
      'bnGroups: 12\n      identitiesPerStep: 8\n      instancesPerStep: 4',
      '`bnGroups` of `train` must divide the 10 images of a pass (`identitiesPerStep` + `instancesPerStep` / 2), two for each at least: 1, 2 or 5',
    ],
    ['select: best', '`select` of `train` must be `last` where `validateEverySteps` is not given'],
  ])('params that do not fit each other: %j', (entry, message) => {
    expect(trainMessages(entry)).toEqual([message]);
  });

  test.each([
    ['64 identities', 'poolSize: 64'],
    ['a head without a pool', 'poolSize: 1\n      head: fc'],
    ['no training', 'poolSize: 1\n      images: 0'],
    ['a metric that nobody knows yet', 'poolSize: 1\n      seed: "${{ steps.people.trainIdentities }}"'],
  ])('a pool may be large enough for the data with %s', (_, entry) => {
    expect(trainMessages(entry)).toEqual([]);
  });

  test.each([
    ['fold: 1', '`fold` of `index` must have `folds` beside it'],
    ['folds: 4', '`folds` of `index` must have `fold` beside it'],
    ['fold: 5, folds: 4', '`fold` of `index` must be at most 4, the number of folds'],
    [
      'fold: 1, folds: 4, test: 0.1',
      '`test` of `index` must be left out where `folds` says what the test part is',
    ],
    ['test: 1.5', '`test` of `index` must be a share below 1 or a whole number of identities'],
    ['validation: 7.2', '`validation` of `index` must be a share below 1 or a whole number of identities'],
  ])('a split that contradicts itself: %s', (entry, message) => {
    const split = `  split: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", ${entry} } }\n`;
    expect(stepProblems(`${people}\n${split}`).map((problem) => problem.replace(/^\S+ \d+ /, ''))).toEqual([
      message,
    ]);
  });

  test('a param that is missing', () => {
    expect(stepProblems('  a: { uses: ingest }\n')).toEqual([
      '1:3 1 The param `source` of `ingest` is missing',
    ]);
    expect(stepProblems('  a:\n    uses: ingest\n    with: { quality: 20 }\n')).toEqual([
      '3:5 4 The param `source` of `ingest` is missing',
      '3:22 2 `quality` of `ingest` must be at least 50',
    ]);
  });
});

test('a whole number is asked for by this name, in whatever contract', () => {
  expect(
    stepProblems('  a: { uses: ingest, with: { source: x, imageSize: big, quality: 1.5, shardMiB: much } }'),
  ).toEqual([
    '1:52 3 `imageSize` of `ingest` must be a whole number, not a string',
    '1:66 3 `quality` of `ingest` must be a whole number, not 1.5',
    '1:81 4 `shardMiB` of `ingest` must be a number, not a string',
  ]);
});

describe('values of a matrix', () => {
  test('are wrong where they stand, each by itself', () => {
    const text =
      '  a:\n    uses: ingest\n    matrix: { size: [32, 8, big] }\n    with: { source: x, imageSize: "${{ matrix.size }}" }\n';
    expect(stepProblems(text)).toEqual([
      '3:26 1 `imageSize` of `ingest` must be at least 16',
      '3:29 3 `imageSize` of `ingest` must be a whole number, not a string',
    ]);
  });

  test('are wrong where they stand when they are inherited, and inside lists', () => {
    const text = `${people}
  train: { uses: train, matrix: { extra: [[flip], [flip, haze]] }, with: { index: "\${{ steps.people.index }}" } }
  again: { uses: train, each: train, with: { index: "\${{ steps.people.index }}", augment: "\${{ matrix.extra }}" } }
`;
    expect(stepProblems(text)).toEqual([
      '3:58 4 `augment[1]` of `train` must be one of flip, shift, crop, brightness, blur, downscale, jpeg, occlusion',
    ]);
  });

  test('keep their type alone and become text inside a text', () => {
    const text = `${header}steps:\n  a: { uses: ingest, matrix: { n: [32, 64] }, with: { source: "s3://b/\${{ matrix.n }}", imageSize: "\${{ matrix.n }}" } }\n`;
    expect(planOf(text).steps[0]?.with).toMatchObject({
      source: { text: [{ literal: 's3://b/' }, { ref: { from: 'matrix', axis: 'n' } }] },
      imageSize: { ref: { from: 'matrix', axis: 'n' } },
    });
  });

  test('lists cannot be part of a text', () => {
    expect(
      stepProblems('  a: { uses: ingest, matrix: { n: [[1]] }, with: { source: "x${{ matrix.n }}" } }'),
    ).toEqual(['1:66 8 `matrix.n` has values that are no plain text and cannot be part of a text']);
  });
});

describe('what other steps make', () => {
  test('an artifact is no param', () => {
    expect(trainMessages('images: ${{ steps.faces.dataset }}')).toEqual([
      '`steps.faces.dataset` is a dataset, but `images` of `train` takes a value',
    ]);
    expect(trainMessages('augment: ["${{ steps.faces.*.dataset }}"]')).toEqual([
      '`steps.faces.*.dataset` is a list of datasets, but `augment` of `train` takes a value',
    ]);
    expect(trainMessages('head: x ${{ steps.faces.dataset }}')).toEqual([
      '`steps.faces.dataset` is a dataset and cannot be part of a text',
    ]);
  });

  test('a metric is a number', () => {
    expect(trainMessages('images: ${{ steps.faces.instances }}')).toEqual([]);
    expect(trainMessages('scale: ${{ steps.faces.instances }}')).toEqual([]);
    expect(trainMessages('head: ${{ steps.faces.instances }}')).toEqual([
      '`steps.faces.instances` is a number, which `head` of `train` does not take',
    ]);
    expect(trainMessages('images: ${{ steps.faces.*.instances }}')).toEqual([
      '`steps.faces.*.instances` is a list of numbers, which `images` of `train` does not take',
    ]);
    expect(trainMessages('images: n${{ steps.faces.instances }}')).toEqual([
      'This is a string, which `images` of `train` does not take',
    ]);
    expect(trainMessages('head: x ${{ steps.faces.*.instances }}')).toEqual([
      "`steps.faces.*.instances` is a list and cannot be part of a text, but `join(steps.faces.*.instances, ', ')` can",
    ]);
  });

  test('hides no problem of the other params', () => {
    expect(trainMessages('images: ${{ steps.faces.instances }}\n      scale: 0')).toEqual([
      '`scale` of `train` must be more than 0',
    ]);
  });
});

describe('params of the pipeline', () => {
  test('are checked by their default', () => {
    const params = 'params: { n: { type: number, default: 2 } }';
    expect(trainMessages('poolRatio: ${{ params.n }}', params)).toEqual([
      '`poolRatio` of `train` must be at most 1; `n` is 2 by default',
    ]);
  });

  test.each([
    ['string', 'head', undefined],
    ['string', 'images', 'a string'],
    ['integer', 'images', undefined],
    ['integer', 'scale', undefined],
    ['number', 'images', 'a number'],
    ['number', 'scale', undefined],
    ['boolean', 'images', 'true or false'],
    ['string', 'augment', 'a string'],
  ])('are checked by their type without one: %s for %s', (type, name, word) => {
    const message = `\`params.n\` is ${word}, which \`${name}\` of \`train\` does not take`;
    expect(trainMessages(`${name}: \${{ params.n }}`, `params: { n: { type: ${type} } }`)).toEqual(
      word === undefined ? [] : [message],
    );
  });

  const text = `${header}params:\n  size: { type: integer }\n  where: { type: string, default: x }\nsteps:\n  a: { uses: ingest, with: { source: "s3://\${{ params.where }}", imageSize: "\${{ params.size }}" } }\n`;
  const compiled = (params: JsonObject) => compile({ text, digest: 'd' }, params, registry);

  test('are filled in', () => {
    expect(planOf(text, { size: 64 }).steps[0]?.with).toMatchObject({
      source: { literal: 's3://x' },
      imageSize: { literal: 64 },
    });
  });

  test('that are wrong in many instances are wrong once', () => {
    const many = `${header}params: { q: { type: integer, default: 95 } }\nsteps:\n  a: { uses: ingest, matrix: { n: [32, 64] }, with: { source: x, imageSize: "\${{ matrix.n }}", quality: "\${{ params.q }}" } }\n`;
    expect(compile({ text: many, digest: 'd' }, { q: 1 }, registry)).toEqual({
      paramProblems: [{ param: 'q', message: '`q`: `quality` of `ingest` must be at least 50' }],
    });
  });

  test('that a run is given wrong are no fault of the file', () => {
    expect(compiled({ size: 8 })).toEqual({
      paramProblems: [{ param: 'size', message: '`size`: `imageSize` of `ingest` must be at least 16' }],
    });
    expect(compiled({ sise: 8 })).toEqual({
      paramProblems: [
        { param: 'sise', message: '`sise` is not a param', suggestion: 'size' },
        { param: 'size', message: '`size` is missing: a whole number' },
      ],
    });
  });
});
