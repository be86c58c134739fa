import { describe, expect, test } from 'vitest';
import { header, planOf, stepProblems } from '../testing.ts';

const step = (id: string, needs: string[] = [], more = ''): string =>
  `  ${id}: { uses: ingest, needs: [${needs.join(', ')}], with: { source: x } ${more}}\n`;

describe('circles', () => {
  test.each([
    [step('a', ['a']), '1:3 1 `a` -> `a`: the step needs itself'],
    [step('a', ['b']) + step('b', ['a']), '1:3 1 Steps need each other in a circle: `a` -> `b` -> `a`'],
    [
      step('x') + step('c', ['b', 'x']) + step('b', ['a']) + step('a', ['c']) + step('after', ['a']),
      '2:3 1 Steps need each other in a circle: `c` -> `b` -> `a` -> `c`',
    ],
    [
      step('a', [], ', each: b') + step('b', [], ', each: a'),
      '1:3 1 Steps need each other in a circle: `a` -> `b` -> `a`',
    ],
    [
      '  m: { uses: index, with: { dataset: "${{ steps.d.dataset }}" } }\n  d: { uses: ingest, needs: [m], with: { source: x } }\n',
      '1:3 1 Steps need each other in a circle: `m` -> `d` -> `m`',
    ],
  ])('%s', (steps, problem) => {
    expect(stepProblems(steps)).toEqual([problem]);
  });

  test('are reported once a group, all at once', () => {
    const steps =
      step('a', ['b']) + step('b', ['a', 'c']) + step('c', ['b']) + step('d', ['d']) + step('e', ['a']);
    expect(stepProblems(steps)).toEqual([
      '1:3 1 Steps need each other in a circle: `a` -> `b` -> `a`',
      '4:3 1 `d` -> `d`: the step needs itself',
    ]);
  });
});

test('steps come behind what they need, otherwise in the order of the file', () => {
  const steps = step('d', ['b']) + step('c') + step('b', ['a']) + step('a') + step('e', ['c']);
  expect(planOf(`${header}steps:\n${steps}`).steps.map(({ id }) => id)).toEqual(['c', 'a', 'b', 'd', 'e']);
});
