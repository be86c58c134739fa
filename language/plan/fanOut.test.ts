import { describe, expect, it } from 'vitest';
import { header, planOf, stepProblems } from '../testing.ts';
import { slicePlan, unitsOf, windowOf } from './fanOut.ts';
import type { Plan } from './plan.ts';
import { instancesOf, needsOf } from './resolve.ts';
import { select } from './selection.ts';
import { slicedRefsOf } from './slicedRefs.ts';

const list = (count: number, item = (index: number) => String(index)) =>
  `[${Array.from({ length: count }, (_, index) => item(index)).join(', ')}]`;
const dataset = 'dataset: "${{ steps.faces.dataset }}"';
const faces = '  faces: { uses: ingest, with: { source: x } }\n';
const people = (matrix: string) => `  people: { uses: index, matrix: ${matrix}, with: { ${dataset} } }\n`;
const report = (settings: string) =>
  `{ uses: evaluate, ${settings}, with: { index: "\${{ steps.people.index }}", embedding: pixels, label: x } }\n`;
const gather = (step: string) => `{ uses: compare, with: { reports: "\${{ steps.${step}.*.report }}" } }\n`;

const plan = (steps: string) => planOf(`${header}steps:\n${steps}`);

/** As if no step were run by slices. */
function whole({ steps, ...rest }: Plan): Plan {
  return { ...rest, steps: steps.map(({ fanOut: _, ...step }) => step) };
}

function slicesOf(planned: Plan, unit = 0): Plan[] {
  const { steps, fanOut } = unitsOf(planned.steps)[unit] ?? {};
  const names = (steps ?? []).map(({ id }) => id);
  return Array.from({ length: fanOut?.slices ?? 0 }, (_, slice) =>
    slicePlan(planned, { steps: names, slice }),
  );
}

describe.each([
  ['one axis', faces + people(`{ seed: ${list(1_234)} }`), 13],
  ['two axes', faces + people(`{ seed: ${list(40)}, test: ${list(30)} }`), 12],
  ['values that are no plain texts', faces + people(`{ seed: ${list(600, (index) => `[${index}]`)} }`), 6],
  [
    'combinations that are left out and included',
    faces +
      people(
        `{ seed: ${list(30)}, test: ${list(30)}, exclude: [{ seed: 3 }], include: [{ seed: 99, test: 98 }] }`,
      ),
    9,
  ],
  [
    'a small family around it',
    `  faces: { uses: ingest, matrix: { size: ${list(7, (index) => String(32 + index))} }, with: { source: x } }\n` +
      `  people: { uses: index, each: faces, matrix: { seed: ${list(111)} }, with: { ${dataset} } }\n`,
    14,
  ],
  [
    'a wider one within it',
    faces +
      people(`{ seed: ${list(600)} }`) +
      `  report: ${report(`each: people, matrix: { again: ${list(5)} }`)}`,
    19,
  ],
])('%s', (_, steps, count) => {
  const planned = plan(steps);
  const slices = slicesOf(planned);

  it('is cut so that the slices together have all instances once, in their order', () => {
    expect(slices).toHaveLength(count);
    for (const { id, fanOut } of planned.steps) {
      if (fanOut === undefined) continue;
      const ids = slices.flatMap((slice) => instancesOf(slice, id).map((instance) => instance.id));
      expect(ids).toEqual(instancesOf(whole(planned), id).map((instance) => instance.id));
    }
  });

  it('has in every slice what its instances need', () => {
    const all = whole(planned);
    const needs = new Map(
      all.steps.flatMap(({ id }) =>
        instancesOf(all, id).map((instance) => [
          instance.id,
          needsOf(all, instance).flatMap(({ ids }) => ids),
        ]),
      ),
    );
    for (const slice of slices) {
      for (const { id } of unitsOf(planned.steps)[0]?.steps ?? []) {
        for (const instance of instancesOf(slice, id)) {
          expect(needsOf(slice, instance).flatMap(({ ids }) => ids)).toEqual(needs.get(instance.id));
        }
      }
    }
  });

  it('makes slices of a size that one workflow can hold', () => {
    for (const slice of slices) {
      const sizes = (unitsOf(planned.steps)[0]?.steps ?? []).map(({ id }) => instancesOf(slice, id).length);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(200);
      expect(Math.max(...sizes)).toBeGreaterThan(0);
    }
  });
});

const family = `${faces}${people(`{ seed: ${list(600)} }`)}  report: ${report('each: people')}  table: ${gather('report')}`;

it('a step that needs what gathers its own family is run after all slices of that', () => {
  const late = `  late: ${report('each: people, needs: [table]')}`;
  const planned = plan(family + late);
  expect(unitsOf(planned.steps).map(({ id, steps }) => [id, steps.map((step) => step.id)])).toEqual([
    ['people', ['people', 'report']],
    ['late', ['late']],
  ]);
  const [slice] = slicesOf(planned, 1);
  const [first] = slice ? instancesOf(slice, 'late') : [];
  expect(slice && first && needsOf(slice, first).flatMap(({ ids }) => ids)).toEqual([
    'people[seed=0]',
    'table',
  ]);
});

it('a gather names the step and not its instances', () => {
  const planned = plan(family);
  const [table] = instancesOf(planned, 'table');
  if (table === undefined) throw new Error('no table');
  expect(needsOf(planned, table)).toMatchObject([{ ids: ['report'], gathered: true, whole: true }]);
  expect(slicedRefsOf(planned, table)).toEqual([{ step: 'report', output: 'report', metric: false }]);
});

it('a gather of a part says which', () => {
  const sizes = `  faces: { uses: ingest, matrix: { size: [32, 48, 64] }, with: { source: x } }\n`;
  const wide = `  people: { uses: index, each: faces, matrix: { seed: ${list(300)} }, with: { ${dataset} } }\n`;
  const planned = plan(
    `${sizes}${wide}  report: ${report('each: people')}  table: { uses: compare, each: faces, with: { reports: "\${{ steps.report.*.report }}" } }\n`,
  );
  const refs = instancesOf(planned, 'table').flatMap((instance) => slicedRefsOf(planned, instance));
  expect(refs.map(({ places }) => places)).toEqual([
    [0, null],
    [1, null],
    [2, null],
  ]);
});

it.each([
  [1, 1, 1],
  [3, 3, 1],
  [10, 4, 2],
])('a concurrency of %i is shared by %i slices at a time, %i each', (concurrency, window, share) => {
  const settings = `{ seed: ${list(600)} }, concurrency: ${concurrency}`;
  const planned = plan(faces + people(settings));
  expect(windowOf(unitsOf(planned.steps)[0]?.steps ?? [])).toBe(window);
  expect(slicesOf(planned).map(({ steps }) => steps.at(-1)?.concurrency)).toEqual(Array(6).fill(share));
});

it('steps of at most 500 instances are run by the run itself', () => {
  expect(unitsOf(plan(faces + people(`{ seed: ${list(500)} }`)).steps)).toEqual([]);
});

it.each([
  [
    'onFailure: hold',
    '`onFailure: hold` is for steps with at most 500 instances, since a person answers for each; `people` has 501',
  ],
  [
    'approve: {}',
    '`approve` is for steps with at most 500 instances, since a person answers for each; `people` has 501',
  ],
])('%s is refused', (settings, message) => {
  const steps = `  people:\n    uses: index\n    ${settings}\n    matrix: { seed: ${list(501)} }\n    with: { ${dataset} }\n`;
  expect(stepProblems(faces + steps).map((problem) => problem.replace(/^\S+ \d+ /, ''))).toEqual([message]);
});

describe('a selection', () => {
  it('means large steps as a whole, with what they need or what depends on them', () => {
    const planned = plan(family);
    expect(select(planned, { only: ['people'] }).only).toEqual(['faces', 'people']);
    expect(select(planned, { from: ['report'] }).force).toEqual(['report', 'table']);
  });

  it('cannot name one of their instances', () => {
    expect(() => select(plan(family), { force: ['people[seed=7]'] })).toThrow(
      '"people[seed=7]" cannot be chosen by itself: people has so many instances that they are chosen as a whole. ' +
        'Name people; what is in the store is reused where it is not forced.',
    );
  });
});
