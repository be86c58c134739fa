import { describe, expect, test } from 'vitest';
import { stepProblems } from '../testing.ts';

const faces = '  faces: { uses: ingest, with: { source: x } }\n';
const people = `${faces}  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }\n`;

describe('inputs', () => {
  test.each([
    ['  a: { uses: index }', '1:3 1 The input `dataset` of `index` is missing'],
    ['  a: { uses: index, with: {} }', '1:21 4 The input `dataset` of `index` is missing'],
    [
      '  a: { uses: index, with: { dataset: faces } }',
      '1:38 5 `dataset` of `index` takes a dataset: a reference such as ${{ steps.STEP.OUTPUT }}',
    ],
    [
      '  a: { uses: compare, with: { reports: [faces] } }',
      '1:41 5 `reports` of `compare` takes a report: a reference such as ${{ steps.STEP.OUTPUT }}',
    ],
    [
      '  a: { uses: compare, with: { reports: [] } }',
      '1:40 2 `reports` of `compare` must have at least 1 item',
    ],
    [
      '  a: { uses: compare, with: { reports: 3 } }',
      '1:40 1 `reports` of `compare` takes a list of reports: a reference such as ${{ steps.STEP.OUTPUT }}',
    ],
  ])('%s', (steps, problem) => {
    expect(stepProblems(steps)).toEqual([problem]);
  });

  test.each([
    [
      'train',
      'index',
      'steps.faces.dataset',
      '`steps.faces.dataset` is a dataset, but `index` of `train` takes an index',
    ],
    [
      'train',
      'index',
      'steps.faces.identities',
      '`steps.faces.identities` is a metric, but `index` of `train` takes an index',
    ],
    [
      'train',
      'index',
      'steps.people.*.index',
      '`steps.people.*.index` is a list of indexes, but `index` of `train` takes one index',
    ],
    [
      'compare',
      'reports',
      'steps.people.index',
      '`steps.people.index` is an index, but `reports` of `compare` takes a report',
    ],
    [
      'export',
      'checkpoint',
      'matrix.m',
      '`matrix.m` is an axis, but `checkpoint` of `export` takes a checkpoint',
    ],
  ])('%s with %s: %s', (uses, input, reference, message) => {
    const [problem, ...others] = stepProblems(
      `${people}  x: { uses: ${uses}, matrix: { m: [1] }, with: { ${input}: "\${{ ${reference} }}" } }\n`,
    );
    expect(others).toEqual([]);
    expect(problem?.replace(/^\S+ \d+ /, '')).toBe(message);
    expect(problem?.split(' ')[1]).toBe(String(reference.length));
  });

  test('one report is not a list, but an item of one', () => {
    const report = `${people}  r: { uses: evaluate, with: { index: "\${{ steps.people.index }}", label: r } }\n`;
    expect(
      stepProblems(`${report}  t: { uses: compare, with: { reports: "\${{ steps.r.report }}" } }\n`),
    ).toEqual(['4:45 14 `steps.r.report` is one report, but `reports` of `compare` takes a list of reports']);
    expect(
      stepProblems(`${report}  t: { uses: compare, with: { reports: ["\${{ steps.r.report }}"] } }\n`),
    ).toEqual([]);
    expect(
      stepProblems(`${report}  t: { uses: compare, with: { reports: "\${{ steps.r.*.report }}" } }\n`),
    ).toEqual([]);
  });
});
