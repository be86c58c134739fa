import { describe, expect, test } from 'vitest';
import { instancesOf, needsOf } from '../plan/resolve.ts';
import { header, planOf, stepProblems } from '../testing.ts';

const people = `  faces: { uses: ingest, with: { source: x } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }
`;

function training(matrix: string): string {
  return `${people}  train:
    uses: train
    matrix: ${matrix}
    with: { index: "\${{ steps.people.index }}", head: "\${{ matrix.head }}", seed: "\${{ matrix.seed }}" }
`;
}

/** Problems of a matrix, each with the part of it that is underlined. */
function problemsOf(matrix: string): string[] {
  return stepProblems(training(matrix)).map((problem) =>
    problem.replace(/^5:(\d+) (\d+) /, (_, column, length) => {
      const start = Number(column) - 13;
      return `<${matrix.slice(start, start + Number(length))}> `;
    }),
  );
}

function idsOf(steps: string, id = 'train'): string[] {
  return instancesOf(planOf(`${header}steps:\n${steps}`), id).map((instance) => instance.id);
}

const both =
  '{ head: [dcp, fc], seed: [1, 2], exclude: [{ head: fc, seed: 2 }], include: [{ head: partialFc, seed: 7 }, { head: fc, seed: 3 }] }';

describe('exclude and include', () => {
  test('take combinations away and add some, which come last', () => {
    expect(idsOf(training(both))).toEqual([
      'train[head=dcp,seed=1]',
      'train[head=dcp,seed=2]',
      'train[head=fc,seed=1]',
      'train[head=partialFc,seed=7]',
      'train[head=fc,seed=3]',
    ]);
  });

  test('an entry of `exclude` that names some axes takes all values of the others', () => {
    expect(
      idsOf(training('{ head: [dcp, fc], seed: [1, 2, 3], exclude: [{ seed: 2 }, { head: fc }] }')),
    ).toEqual(['train[head=dcp,seed=1]', 'train[head=dcp,seed=3]']);
  });

  test('what is excluded can be included again, at the end', () => {
    expect(
      idsOf(
        training(
          '{ head: [dcp], seed: [1, 2, 3], exclude: [{ seed: 1 }], include: [{ head: dcp, seed: 1 }] }',
        ),
      ),
    ).toEqual(['train[head=dcp,seed=2]', 'train[head=dcp,seed=3]', 'train[head=dcp,seed=1]']);
  });

  test('a matrix of `include` alone has the axes of its entries, whatever their order in an entry', () => {
    expect(idsOf(training('{ include: [{ head: dcp, seed: 1 }, { seed: 2, head: fc }] }'))).toEqual([
      'train[head=dcp,seed=1]',
      'train[head=fc,seed=2]',
    ]);
  });

  test('values keep their types, also in ids by place', () => {
    const matrix = '{ v: [1, true], include: [{ v: a b }, { v: 0.5 }, { v: [1] }] }';
    const plan = planOf(`${header}steps: { a: { uses: ingest, matrix: ${matrix}, with: { source: x } } }`);
    expect(instancesOf(plan, 'a').map(({ id, coordinates }) => [id, coordinates.v])).toEqual([
      ['a[v=1]', 1],
      ['a[v=true]', true],
      ['a[v=#3]', 'a b'],
      ['a[v=0.5]', 0.5],
      ['a[v=#5]', [1]],
    ]);
  });

  test('hold for the steps of `each` and their own axes, for references and gathers', () => {
    const steps = `${training(both)}  model: { uses: export, each: train, matrix: { tolerance: [0.1, 0.2], exclude: [{ tolerance: 0.1 }] }, with: { checkpoint: "\${{ steps.train.checkpoint }}", tolerance: "\${{ matrix.tolerance }}" } }
  report: { uses: evaluate, each: train, needs: [model], with: { index: "\${{ steps.people.index }}", label: "\${{ matrix.head }}" } }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
`;
    const rows = ['dcp,seed=1', 'dcp,seed=2', 'fc,seed=1', 'partialFc,seed=7', 'fc,seed=3'];
    expect(idsOf(steps, 'model')).toEqual(rows.map((row) => `model[head=${row},tolerance=0.2]`));
    const plan = planOf(`${header}steps:\n${steps}`);
    expect(
      instancesOf(plan, 'report').map((instance) => needsOf(plan, instance).flatMap(({ ids }) => ids)),
    ).toEqual(rows.map((row) => ['people', `train[head=${row}]`, `model[head=${row},tolerance=0.2]`]));
    const [table] = instancesOf(plan, 'table');
    expect(table && needsOf(plan, table)).toEqual([
      { step: 'report', ids: rows.map((row) => `report[head=${row}]`), gathered: true, whole: true },
    ]);
  });

  test('are in the plan as places of values, and only where they are given', () => {
    const [, , train] = planOf(`${header}steps:\n${training(both)}`).steps;
    expect(train?.axes).toEqual([
      { name: 'head', origin: 'train', values: ['dcp', 'fc', 'partialFc'] },
      { name: 'seed', origin: 'train', values: [1, 2, 7, 3] },
    ]);
    expect(train?.matrices).toEqual([
      {
        origin: 'train',
        listed: [2, 2],
        exclude: [[1, 1]],
        include: [
          [2, 2],
          [1, 3],
        ],
      },
    ]);
    const [, , plain] = planOf(`${header}steps:\n${training('{ head: [dcp], seed: [1] }')}`).steps;
    expect(plain).not.toHaveProperty('matrices');
  });

  test('hold within a pipeline that is used, and of the step that uses it', () => {
    const inner = `name: inner\nsummary: An inner one\nparams: { size: { type: integer, default: 32 } }\nsteps:\n  faces: { uses: ingest, matrix: { fit: [cover], q: [50, 60], exclude: [{ q: 50 }], include: [{ fit: fill, q: 70 }] }, with: { source: x, imageSize: "\${{ params.size }}", fit: "\${{ matrix.fit }}", quality: "\${{ matrix.q }}" } }\n`;
    const outer = (sizes: string) =>
      `${header}steps:\n  sub: { uses: pipeline, matrix: { size: ${sizes} }, with: { pipeline: inner, params: { size: "\${{ matrix.size }}" } } }\n`;
    const plan = planOf(outer('[32, 48, 64], exclude: [{ size: 48 }]'), {}, { inner });
    expect(instancesOf(plan, 'sub.faces').map(({ id }) => id)).toEqual(
      [32, 64].flatMap((size) => [
        `sub.faces[size=${size},fit=cover,q=60]`,
        `sub.faces[size=${size},fit=fill,q=70]`,
      ]),
    );
  });

  test('decide at which combinations params and expressions are checked', () => {
    const steps = (matrix: string) =>
      `${people}  train:\n    uses: train\n    matrix: ${matrix}\n    with: { index: "\${{ steps.people.index }}", poolRatio: "\${{ matrix.a / matrix.b }}", seed: "\${{ matrix.c }}" }\n`;
    const divided = '6:65 19 The expression has no value: it divides by zero';
    expect(stepProblems(steps('{ a: [1], b: [2, 0], c: [1] }'))).toEqual([divided]);
    expect(stepProblems(steps('{ a: [1], b: [2, 0], c: [1], exclude: [{ b: 0 }] }'))).toEqual([]);
    expect(stepProblems(steps('{ a: [1], b: [2], c: [1], include: [{ a: 1, b: 0, c: 1 }] }'))).toEqual([
      divided,
    ]);
    expect(
      stepProblems(
        steps('{ a: [1], b: [2], c: [1], include: [{ a: 1, b: 1, c: 2 }, { a: 1, b: 1, c: -1 }] }'),
      ),
    ).toEqual(['5:88 2 `seed` of `train` must be at least 0']);
  });
});

describe('bad input', () => {
  const axes = 'head: [dcp, fc], seed: [1, 2]';
  test.each([
    [`{ ${axes}, exclude: 1 }`, '<1> `exclude` must be a list, not 1'],
    [`{ ${axes}, exclude: [] }`, '<[]> `exclude` must have at least 1 item'],
    [`{ ${axes}, include: [fc] }`, '<fc> `include[0]` must be a map, not a string'],
    [
      `{ ${axes}, exclud: [{ head: fc }] }`,
      '<exclud> `exclud` would be an axis whose values are maps [exclude]',
    ],
    [`{ ${axes}, exclude: [{}] }`, '<{}> This entry names no axis, and would exclude everything'],
    [
      `{ ${axes}, exclude: [{ haed: fc }] }`,
      '<haed> `haed` is not an axis of this matrix; it has head, seed [head]',
    ],
    [
      `{ ${axes}, exclude: [{ head: fcc }] }`,
      '<fcc> `fcc` is not a value of the axis `head`; it has dcp, fc [fc]',
    ],
    [`{ ${axes}, exclude: [{ seed: "2" }] }`, '<"2"> `"2"` is not a value of the axis `seed`; it has 1, 2'],
    [
      `{ ${axes}, exclude: [{ head: fc }, { head: fc, seed: 1 }] }`,
      '<{ head: fc, seed: 1 }> The entries before it exclude all that this one does',
    ],
    [`{ ${axes}, exclude: [{ head: fc }, { head: dcp }] }`, '<exclude> `exclude` leaves no combination'],
    [
      `{ exclude: [{ head: fc }] }`,
      '<exclude> `exclude` has nothing to take away: the matrix lists no values',
    ],
    [
      `{ exclude: [{ head: fc }], include: [{ head: fc, seed: 1 }] }`,
      '<exclude> `exclude` has nothing to take away: the matrix lists no values',
    ],
    [
      `{ ${axes}, exclude: [{ head: "\${{ params.x }}" }] }`,
      '<"${{ params.x }}"> `${{ params.x }}` is not a value of the axis `head`; it has dcp, fc',
    ],
    [
      `{ ${axes}, include: [{ head: fc }] }`,
      '<{ head: fc }> `seed` is missing: an entry of `include` has a value for every axis',
    ],
    [
      `{ ${axes}, include: [{ head: fc, seed: 3, sed: 4 }] }`,
      '<sed> `sed` is not an axis of this matrix; it has head, seed [seed]',
    ],
    [
      `{ ${axes}, include: [{ head: fc, seed: 2 }] }`,
      '<{ head: fc, seed: 2 }> The matrix has this combination already',
    ],
    [
      `{ include: [{ head: fc, seed: 2 }, { head: fc, seed: 2 }] }`,
      '<{ head: fc, seed: 2 }> The matrix has this combination already',
    ],
    [
      `{ include: [{ head: fc, seed: 2 }, { head: fc }] }`,
      '<{ head: fc }> `seed` is missing: an entry of `include` has a value for every axis',
    ],
    [
      `{ ${axes}, include: [{ head: fc, seed: "2" }] }`,
      '<"2"> `"2"` looks like `2`, which the axis `seed` has already',
    ],
    [
      `{ ${axes}, include: [{ head: "\${{ params.x }}", seed: 2 }] }`,
      '<"${{ params.x }}"> A matrix holds plain values, not references',
    ],
  ])('%s', (matrix, problem) => {
    expect(problemsOf(matrix)).toEqual([problem]);
  });

  test('an axis of the step of `each` is none of the own matrix', () => {
    const model =
      '  model: { uses: export, each: train, matrix: { tolerance: [0.1], exclude: [{ seed: 2 }] }, with: { checkpoint: "${{ steps.train.checkpoint }}" } }\n';
    expect(stepProblems(training('{ head: [dcp], seed: [1, 2] }') + model)).toEqual([
      '7:79 4 `seed` is not an axis of this matrix; it has tolerance',
    ]);
  });

  test('values of a long axis are not listed', () => {
    const seeds = Array.from({ length: 30 }, (_, index) => index).join(', ');
    expect(problemsOf(`{ head: [dcp], seed: [${seeds}], exclude: [{ seed: 30 }] }`)).toEqual([
      '<30> `30` is not a value of the axis `seed`',
    ]);
  });

  test('more combinations than can be gone through', () => {
    const values = Array.from({ length: 400 }, (_, index) => index).join(', ');
    const matrix = `{ head: [dcp], seed: [${values}], b: [${values}], exclude: [{ head: dcp }] }`;
    expect(stepProblems(training(matrix))).toEqual([
      '5:5 6 The axes have 160000 combinations before `exclude`; at most 100000 are possible',
    ]);
    const still = `{ head: [dcp], seed: [${values}], b: [${values}], include: [{ head: fc, seed: 0, b: 0 }] }`;
    expect(stepProblems(training(still))).toEqual([
      '5:5 6 `train` would have 160001 instances; at most 100000 are possible',
    ]);
  });
});
