import { expect, test } from 'vitest';
import { instancesOf, isWanted, needsOf, type StepOutputs } from '../plan/resolve.ts';
import { header, planOf, problemsOf, stepProblems } from '../testing.ts';

const steps = (when: string) => `
  faces: { uses: ingest, with: { source: x } }
  people: { uses: index, matrix: { fold: [1, 2] }, with: { dataset: "\${{ steps.faces.dataset }}" } }
  again: { uses: ingest, when: ${when}, with: { source: y } }
`;

test.each([
  [
    '"${{ steps.faces.identities }}"',
    '4:32 31 `when` must be an expression that is true or false, not a number',
  ],
  [
    '"${{ steps.faces.dataset }}"',
    '4:32 28 `when` must be an expression that is true or false, not a dataset',
  ],
  ['"${{ 1 + 1 }}"', '4:32 14 `when` must be an expression that is true or false, not a whole number'],
  ['yes', '4:32 3 `when` must be an expression that is true or false, not a string'],
  ['"${{ true }} or not"', '4:32 20 `when` must be an expression that is true or false, not a text'],
  ['true', '4:32 4 `when` must be a string, not true'],
  [
    '"${{ steps.faces.identites > 3 }}"',
    '4:49 9 `faces` has no output `identites`; it has dataset, identities, instances, rejected [identities]',
  ],
  ['"${{ 1 / 0 > 2 }}"', '4:37 9 The expression has no value: it divides by zero'],
  ['"${{ steps.again.identities > 3 }}"', '4:3 5 `again` -> `again`: the step needs itself'],
])('when: %s', (when, problem) => {
  expect(stepProblems(steps(when))).toEqual([problem]);
});

test('a param that a run must give is known by its type', () => {
  const text = (type: string) =>
    `${header}params: { p: { type: ${type} } }\nsteps:${steps('"${{ params.p }}"')}`;
  expect(problemsOf(text('boolean'))).toEqual([]);
  expect(problemsOf(text('integer'))).toHaveLength(1);
});

test('a plan has it with what it needs, and an instance is wanted where it is true', () => {
  const plan = planOf(
    `${header}steps:${steps('"${{ mean(steps.people.*.trainIdentities) > 2 * steps.faces.identities }}"')}`,
  );
  const again = plan.steps.find(({ id }) => id === 'again');
  expect(again?.when?.written).toBe('mean(steps.people.*.trainIdentities) > 2 * steps.faces.identities');
  const [instance] = instancesOf(plan, 'again');
  if (instance === undefined) throw new Error('no instance');
  expect(needsOf(plan, instance)).toEqual([
    { step: 'faces', ids: ['faces'], gathered: false, whole: true },
    { step: 'people', ids: ['people[fold=1]', 'people[fold=2]'], gathered: true, whole: true },
  ]);
  const outputs =
    (identities: number, trainIdentities: number) =>
    (id: string): StepOutputs | undefined =>
      id === 'people[fold=2]'
        ? undefined
        : { artifact: { kind: 'dataset', key: id, digest: id }, metrics: { identities, trainIdentities } };
  expect(isWanted(plan, instance, outputs(3, 7))).toBe(true);
  expect(isWanted(plan, instance, outputs(4, 7))).toBe(false);
});
