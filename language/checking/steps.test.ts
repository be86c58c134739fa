import { describe, expect, test } from 'vitest';
import { problemsOf, stepProblems } from '../testing.ts';

const faces = '  faces: { uses: ingest, with: { source: x } }\n';
const people = `${faces}  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }\n`;

const durationHint = 'must be a duration such as 90s, 30m, 12h or 7d';

describe('the file as a whole', () => {
  test.each([
    ['', '1:1 1 The pipeline must be a map, not empty'],
    ['- a\n', '1:1 3 The pipeline must be a map, not a list'],
    ['just text', '1:1 9 The pipeline must be a map, not a string'],
  ])('%j', (text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  test('keys that are missing or unknown', () => {
    expect(problemsOf('nam: x\nsteps: {}\n')).toEqual([
      '1:1 3 `nam` is not a key of a pipeline [name]',
      '1:1 1 `name` is missing',
      '1:1 1 `summary` is missing',
      '2:1 5 `steps` names no step',
    ]);
  });

  test('name and summary', () => {
    expect(problemsOf(`name: My Pipeline\nsummary: ""\nsteps:\n${faces}`)).toEqual([
      '1:7 11 `name` must be in kebab-case, such as weekly-retraining',
      '2:10 2 `summary` must have at least 1 character',
    ]);
  });

  test('a summary that is longer than Temporal takes', () => {
    expect(problemsOf(`name: x\nsummary: ${'x'.repeat(201)}\nsteps:\n${faces}`)).toEqual([
      '2:10 201 `summary` must have at most 200 characters',
    ]);
  });

  test.each([
    ['0', '3:14 1 `concurrency` must be at least 1'],
    ['1.5', '3:14 3 `concurrency` must be a whole number, not 1.5'],
    ['many', '3:14 4 `concurrency` must be a whole number, not a string'],
  ])('concurrency %s', (value, problem) => {
    expect(problemsOf(`name: x\nsummary: x\nconcurrency: ${value}\nsteps:\n${faces}`)).toEqual([problem]);
  });

  test('too many steps', () => {
    const steps = Array.from(
      { length: 1001 },
      (_, index) => `  s${index}: { uses: ingest, with: { source: x } }\n`,
    );
    expect(problemsOf(`name: x\nsummary: x\nsteps:\n${steps.join('')}`)).toEqual([
      '3:1 5 The pipeline has 1001 steps; at most 1000 are possible',
    ]);
  });

  test('a step given twice', () => {
    expect(stepProblems(`${faces}${faces}`)).toEqual(['2:3 5 `faces` is given twice']);
  });
});

describe('keys of a step', () => {
  test.each([
    ['  a: ingest', '1:6 6 `a` must be a map, not a string'],
    ['  a: { with: { source: x } }', '1:3 1 `uses` is missing'],
    ['  a: { uses: 3 }', '1:14 1 `uses` must be a string, not 3'],
    [
      '  a: { uses: injest }',
      '1:14 6 `injest` is not a step kind; there are compare, evaluate, export, index, ingest, notify, train, pipeline [ingest]',
    ],
    [
      '  a: { uses: constructor }',
      '1:14 11 `constructor` is not a step kind; there are compare, evaluate, export, index, ingest, notify, train, pipeline',
    ],
    ['  a: { uses: ingest, width: {}, with: { source: x } }', '1:22 5 `width` is not a key of a step [with]'],
    ['  a: { uses: ingest, with: [x] }', '1:28 3 `with` must be a map, not a list'],
    ['  a: { uses: ingest, needs: b, with: { source: x } }', '1:29 1 `needs` must be a list, not a string'],
    ['  a: { uses: ingest, needs: [b], with: { source: x } }', '1:30 1 There is no step `b`'],
    ['  a: { uses: ingest, each: bb, with: { source: x } }', '1:28 2 There is no step `bb`'],
    [
      '  a b: { uses: ingest, with: { source: x } }',
      '1:3 3 `a b` cannot be the name of a step: up to 63 letters, digits, - and _, beginning with a letter',
    ],
  ])('%s', (steps, problem) => {
    expect(stepProblems(steps)).toEqual([problem]);
  });

  test.each([
    ['timeout: 5', '5', durationHint],
    ['timeout: 3 days', '3 days', durationHint],
    ['timeout: 0s', '0s', 'must be more than 0'],
    ['timeout: -1m', '-1m', durationHint],
  ])('%s', (entry, written, says) => {
    expect(stepProblems(`  a: { uses: ingest, ${entry}, with: { source: x } }`)).toEqual([
      `1:31 ${written.length} \`timeout\` ${says}`,
    ]);
  });

  test.each([
    ['attempts: 0', '`attempts` must be at least 1'],
    ['attempts: -3', '`attempts` must be at least 1'],
    ['attempts: 1.5', '`attempts` must be a whole number, not 1.5'],
    ['attempts: few', '`attempts` must be a whole number, not a string'],
    ['attempts: 5000', '`attempts` must be at most 1000'],
    ['backoff: 0s', '`backoff` must be more than 0'],
    ['factor: 0.5', '`factor` must be at least 1'],
    ['maxBackoff: 5s', '`maxBackoff` must not be shorter than `backoff`'],
  ])('retry: { %s }', (entry, message) => {
    const [key = '', value = ''] = entry.split(': ');
    expect(stepProblems(`  a: { uses: ingest, retry: { ${entry} }, with: { source: x } }`)).toEqual([
      `1:${key.length + 33} ${value.length} ${message}`,
    ]);
  });

  test('onFailure is one of three words', () => {
    expect(stepProblems('  a: { uses: ingest, onFailure: contnue, with: { source: x } }')).toEqual([
      '1:33 7 `onFailure` must be one of fail, hold, continue [continue]',
    ]);
  });

  test.each([
    ['{ timeout: soon }', '42 4 `timeout` must be a duration such as 90s, 30m, 12h or 7d'],
    ['{ default: aprove }', '42 6 `default` must be one of reject, approve [approve]'],
    ['{ timout: 3d }', '33 6 `timout` is not a known key'],
    ['true', '31 4 `approve` must be a map, not true; without a time limit, write `approve: {}`'],
    ['yes', '31 3 `approve` must be a map, not a string; without a time limit, write `approve: {}`'],
  ])('approve: %s', (approve, problem) => {
    expect(stepProblems(`  a: { uses: ingest, approve: ${approve}, with: { source: x } }`)).toEqual([
      `1:${problem}`,
    ]);
  });

  test('an unknown key of retry and a wrong queue', () => {
    expect(
      stepProblems(
        '  a: { uses: ingest, retry: { atempts: 2 }, resources: { queue: "a b" }, with: { source: x } }',
      ),
    ).toEqual([
      '1:31 7 `atempts` is not a known key',
      '1:65 5 `queue` must be a queue name such as gpu or gpu-a100',
    ]);
  });
});

describe('processes of a step', () => {
  test.each([
    ['0', '`processesPerNode` must be at least 1'],
    ['1.5', '`processesPerNode` must be a whole number, not 1.5'],
    ['auto', '`processesPerNode` must be a whole number, not a string'],
    ['257', '`processesPerNode` must be at most 256'],
  ])('train cannot have %s', (value, message) => {
    const train = `  t: { uses: train, resources: { processesPerNode: ${value} }, with: { index: "\${{ steps.people.index }}" } }\n`;
    expect(stepProblems(`${people}${train}`)).toEqual([`3:52 ${value.length} ${message}`]);
  });

  test.each([
    ['1', 'bnGroups: 3'],
    ['4', ''],
    ['3', 'bnGroups: 6'],
    ['7', 'seed: "${{ steps.people.trainIdentities }}"'],
  ])('%s may share a training with %j', (processes, entry) => {
    const train = `  t:\n    uses: train\n    resources: { processesPerNode: ${processes} }\n    with:\n      index: "\${{ steps.people.index }}"\n      ${entry}\n`;
    expect(stepProblems(`${people}${train}`)).toEqual([]);
  });

  test.each([
    [
      '7',
      '',
      '`processesPerNode` of `train` must divide the 96 images of a pass (`identitiesPerStep` + `instancesPerStep` / 2), two for each at least: 1, 2, 3, 4, 6, 8, 12, 16, 24, 32 or 48',
    ],
    ['4', 'bnGroups: 6', '`processesPerNode` of `train` must divide `bnGroups`, 6: 1, 2, 3 or 6'],
  ])('%s cannot share a training with %j', (processes, entry, message) => {
    const train = `  t:\n    uses: train\n    resources: { processesPerNode: ${processes} }\n    with:\n      index: "\${{ steps.people.index }}"\n      ${entry}\n`;
    expect(stepProblems(`${people}${train}`)).toEqual([`5:36 1 ${message}`]);
  });

  test.each(['1', '2'])('a step kind that is not done by several takes none, not even %s', (value) => {
    expect(
      stepProblems(`  a: { uses: ingest, resources: { processesPerNode: ${value} }, with: { source: x } }`),
    ).toEqual(['1:35 16 `ingest` runs in one process; `processesPerNode` is for `train`']);
  });
});

describe('concurrency', () => {
  test.each([
    ['0', '`concurrency` must be at least 1'],
    ['1.5', '`concurrency` must be a whole number, not 1.5'],
    ['all', '`concurrency` must be a whole number, not a string'],
  ])('%s is no number of instances', (value, message) => {
    expect(
      stepProblems(
        `  a: { uses: ingest, matrix: { size: [32] }, concurrency: ${value}, with: { source: x } }`,
      ),
    ).toEqual([`1:59 ${value.length} ${message}`]);
  });

  test('is for several instances', () => {
    expect(stepProblems('  a: { uses: ingest, concurrency: 2, with: { source: x } }')).toEqual([
      '1:22 11 `concurrency` is for a step with a `matrix` or `each`; `a` has one instance',
    ]);
  });
});

test('a merge key is told what to write instead', () => {
  expect(
    stepProblems('  a: &a { uses: ingest, with: { source: x } }\n  b: { <<: *a, timeout: 1d }\n'),
  ).toEqual([
    '2:3 1 `uses` is missing',
    '2:8 2 Maps are not merged by `<<`; write the keys out, or give a whole value an anchor, `&name`, and use it as `*name`',
  ]);
});

describe('references', () => {
  test.each([
    ['params.sorce', '1:46 5 The pipeline has no param `sorce`'],
    ['steps.fases.dataset', '1:45 5 There is no step `fases` [faces]'],
    [
      'steps.faces.datset',
      '1:51 6 `faces` has no output `datset`; it has dataset, identities, instances, rejected [dataset]',
    ],
    [
      'steps.faces.*.datset',
      '1:53 6 `faces` has no output `datset`; it has dataset, identities, instances, rejected [dataset]',
    ],
    ['matrix.head', '1:46 4 `people` has no axis `head`'],
    [
      'step.faces.dataset',
      '1:39 4 References begin with `params`, `steps`, `matrix`, `secrets` or `run`, not `step`',
    ],
  ])('%s', (reference, problem) => {
    expect(
      stepProblems(`  people: { uses: index, with: { dataset: "\${{ ${reference} }}" } }\n${faces}`),
    ).toEqual([problem.replace(/^1:(\d+)/, (_, column) => `1:${Number(column) + 9}`)]);
  });
});

test('all errors of a file at once, in its order', () => {
  const text = [
    'name: example',
    'summary: An example',
    'steps:',
    '  faces: { uses: ingest, with: { source: x, quality: 10 } }',
    '  people: { uses: index, with: { datset: "${{ steps.faces.dataset }}" } }',
    '  train:',
    '    uses: train',
    '    timeout: soon',
    '    with:',
    '      index: ${{ steps.peple.index }}',
    '      poolratio: 0.1',
    '      augment: [flip, haze]',
  ].join('\n');
  expect(problemsOf(text)).toEqual([
    '4:54 2 `quality` of `ingest` must be at least 50',
    '5:26 4 The input `dataset` of `index` is missing',
    '5:34 6 `datset` is not a param of `index` [dataset]',
    '8:14 4 `timeout` must be a duration such as 90s, 30m, 12h or 7d',
    '10:24 5 There is no step `peple` [people]',
    '11:7 9 `poolratio` is not a param of `train` [poolRatio]',
    '12:23 4 `augment[1]` of `train` must be one of flip, shift, crop, brightness, blur, downscale, jpeg, occlusion',
  ]);
});
