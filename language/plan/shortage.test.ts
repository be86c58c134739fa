import { expect, it } from 'vitest';
import { header, planOf, stepProblems } from '../testing.ts';
import type { PlanStep } from './plan.ts';
import { countsOf, inheritedShortage, shortageOf } from './shortage.ts';

const train = (minSuccess?: number) => ({ id: 'train', minSuccess }) as PlanStep;

it.each([
  [0.99, 99, 100, undefined],
  [0.99, 98, 100, 99],
  [0.07, 7, 100, undefined],
  [0.001, 0, 10, 1],
  [1, 9, 10, 10],
  [1, 0, 0, undefined],
  [undefined, 0, 10, undefined],
])('minSuccess %s with %i of %i done', (minSuccess, done, total, least) => {
  expect(shortageOf(train(minSuccess), { done, total })?.least).toBe(least);
});

it('what is skipped on purpose does not count', () => {
  const ends = [
    { status: 'done' },
    { status: 'failed', tolerated: true as const },
    { status: 'skipped', tolerated: true as const },
    { status: 'skipped' },
  ];
  expect(countsOf(ends)).toEqual({ done: 1, total: 3 });
});

const family = `
  faces: { uses: ingest, with: { source: x } }
  people:
    uses: index
    matrix: { seed: [1, 2] }
    minSuccess: 0.5
    with: { dataset: "\${{ steps.faces.dataset }}", seed: "\${{ matrix.seed }}" }
  report:
    uses: evaluate
    each: people
    with: { index: "\${{ steps.people.index }}", label: x, embedding: pixels }
`;

it('is missing also from what is made of the step', () => {
  const plan = planOf(`${header}steps:${family}`);
  expect(plan.steps.map(({ minSuccess }) => minSuccess)).toEqual([undefined, 0.5, undefined]);
  const counts = (step: string) => ({ done: step === 'people' ? 0 : 2, total: 2 });
  expect(inheritedShortage(plan, 'report', counts)).toEqual({ step: 'people', done: 0, total: 2, least: 1 });
  expect(inheritedShortage(plan, 'faces', counts)).toBeUndefined();
});

it.each([
  ['minSuccess: 0', '1:20 1 `minSuccess` must be a share above 0, such as 0.99'],
  ['minSuccess: 1.5', '1:20 3 `minSuccess` must be at most 1'],
  ['minSuccess: most', '1:20 4 `minSuccess` must be a number, not a string'],
  ['minSuccess: 1', '1:8 10 `minSuccess` is for a step with a `matrix` or `each`; `a` has one instance'],
  [
    'matrix: { b: [1] }, minSuccess: 1, onFailure: continue',
    '1:28 10 `onFailure: continue` goes on without any number of instances; give one of the two',
  ],
])('%s', (settings, problem) => {
  expect(stepProblems(`  a: { ${settings}, uses: ingest, with: { source: x } }`)).toEqual([problem]);
});
