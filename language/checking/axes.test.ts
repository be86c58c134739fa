import { describe, expect, test } from 'vitest';
import { stepProblems } from '../testing.ts';

const faces =
  '  faces: { uses: ingest, matrix: { size: [32, 64] }, with: { source: x, imageSize: "${{ matrix.size }}" } }\n';
const dataset = 'dataset: "${{ steps.faces.dataset }}"';

describe('a matrix', () => {
  test.each([
    ['[1]', '1:30 3 `matrix` must be a map, not a list'],
    ['{ a: [] }', '1:35 2 `a` must have at least 1 item'],
    ['{ a: 1 }', '1:35 1 `a` must be a list, not 1'],
    ['{ 1a: [1] }', '1:32 2 `1a` must be a name'],
    ['{ a: [1, 2, 1] }', '1:42 1 This value is given twice in the axis `a`'],
    ['{ a: [1, "1"] }', '1:39 3 This value is given twice in the axis `a`'],
    ['{ a: ["${{ params.x }}"] }', '1:36 17 A matrix holds plain values, not references'],
  ])('%s', (matrix, problem) => {
    expect(stepProblems(`  a: { uses: ingest, matrix: ${matrix}, with: { source: x } }`)).toEqual([problem]);
  });

  test('values that look alike in no way but their kind are different', () => {
    expect(
      stepProblems(
        '  a: { uses: ingest, matrix: { a: [1, [1], { k: 1 }, true, a b] }, with: { source: x } }',
      ),
    ).toEqual([]);
  });

  const list = (count: number) => `[${Array.from({ length: count }, (_, index) => index).join(', ')}]`;
  const step = (id: string, count: number) =>
    `  ${id}:\n    uses: ingest\n    matrix: { a: ${list(count)} }\n    with: { source: x }\n`;

  test('too many instances', () => {
    expect(
      stepProblems(
        `  a:\n    uses: ingest\n    matrix: { a: ${list(400)}, b: ${list(400)} }\n    with: { source: x }\n`,
      ),
    ).toEqual(['3:5 6 `a` would have 160000 instances; at most 100000 are possible']);
  });

  test('too many instances of all steps together that one workflow runs', () => {
    const small = ['a', 'b', 'c'].map((id) => step(id, 500)).join('');
    expect(stepProblems(small + step('large', 501))).toEqual([]);
    expect(stepProblems(small + step('d', 1))).toEqual([
      '0:1 5 The steps with at most 500 instances would have 1501 together; at most 1500 are possible in a run',
    ]);
  });

  test('an axis that the step has already through `each`', () => {
    const people = `  people: { uses: index, each: faces, matrix: { size: [1] }, with: { ${dataset} } }\n`;
    expect(stepProblems(faces + people)).toEqual([
      '2:49 4 `people` has the axis `size` already, from `faces`',
    ]);
  });
});

describe('references between steps with instances', () => {
  test('need one instance each: the same family, or a gathering', () => {
    expect(stepProblems(`${faces}  people: { uses: index, with: { ${dataset} } }\n`)).toEqual([
      '2:54 5 `faces` has several instances, one for every `size`; gather them with `steps.faces.*.dataset`, or make one `people` for `each: faces`',
    ]);
    expect(stepProblems(`${faces}  people: { uses: index, each: faces, with: { ${dataset} } }\n`)).toEqual(
      [],
    );
  });

  test('an axis of the same name from elsewhere is another axis', () => {
    expect(
      stepProblems(`${faces}  people: { uses: index, matrix: { size: [32, 64] }, with: { ${dataset} } }\n`),
    ).toEqual([
      '2:82 5 `faces` has several instances, one for every `size`; gather them with `steps.faces.*.dataset`, or make one `people` for `each: faces`',
    ]);
  });

  test('a step of a wider family may refer to one of a narrower family, and not the other way round', () => {
    const people = `  people: { uses: index, each: faces, matrix: { fold: [1, 2] }, with: { ${dataset}, folds: 2, fold: "\${{ matrix.fold }}" } }\n`;
    const other = (each: string): string =>
      `  other: { uses: train, each: ${each}, with: { index: "\${{ steps.people.index }}", seed: "\${{ matrix.size }}" } }\n`;
    expect(stepProblems(faces + people + other('people'))).toEqual([]);
    expect(stepProblems(faces + people + other('faces'))).toEqual([
      '3:64 6 `people` has several instances, one for every `fold`; gather them with `steps.people.*.index`, or make one `other` for `each: people`',
    ]);
  });
});
