import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Plan } from '../plan/plan.ts';
import { instancesOf, needsOf, resolveWith } from '../plan/resolve.ts';
import { inheritedShortage } from '../plan/shortage.ts';
import { given, ingest, parts, used, using } from '../subpipelines.fixture.ts';
import { header, planOf } from '../testing.ts';

const stepsOf = (plan: Plan) => Object.fromEntries(plan.steps.map((step) => [step.id, step]));

/** What an instance asks for, where every step has made what its id says. */
function asks(plan: Plan, id: string) {
  const instance = plan.steps.flatMap((step) => instancesOf(plan, step.id)).find((each) => each.id === id);
  if (instance === undefined) throw new Error(`no instance ${id}`);
  return resolveWith(plan, instance, (made) => ({
    artifact: { kind: 'report', key: made, digest: made },
    metrics: { identities: 40, accuracy: 0.9, best: 0.8, testIdentities: 7 },
  }));
}

describe('a step that uses a pipeline', () => {
  test('becomes the steps of that pipeline', async () => {
    const plan = planOf(
      using(
        `matrix: { side: [32, 48] }, ${given('source: /faces, size: "${{ matrix.side }}"')}`,
        '  table: { uses: compare, with: { reports: ["${{ steps.folds.*.reports }}"] } }\n',
      ),
      {},
      used,
    );
    await expect(stringify(plan, { aliasDuplicateObjects: false })).toMatchFileSnapshot(
      '../golden/subpipeline.plan.yaml',
    );
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  test('asks for exactly what the pipeline asks for by itself', () => {
    const alone = planOf(parts, { source: '/faces', size: 96, test: 20, label: 'n=40' });
    const within = planOf(
      using(
        `matrix: { test: [20] }, ${given('source: /faces, size: "${{ params.size }}", test: "${{ matrix.test }}", label: "n=${{ steps.a.identities }}"')}`,
        ingest('/others'),
      ),
      {},
      used,
    );
    const ids = alone.steps.flatMap((step) => instancesOf(alone, step.id)).map(({ id }) => id);
    expect(ids).toHaveLength(6);
    for (const id of ids) {
      const inner = `folds.${id.includes('[') ? id.replace('[', '[test=20,') : `${id}[test=20]`}`;
      const asked = JSON.stringify(asks(within, inner)).replaceAll('folds.', '');
      expect(asked.replaceAll('[test=20]', '').replaceAll('test=20,', '')).toBe(
        JSON.stringify(asks(alone, id)),
      );
    }
  });

  test('has the axes of the step before those of its own, and waits for what the step needs', () => {
    const plan = planOf(
      using(
        `needs: [first], each: split, when: "\${{ steps.split.testIdentities > 3 }}", ${given('source: x, label: "n=${{ steps.split.testIdentities }}"')}`,
        `  first: { uses: ingest, with: { source: a } }
  split: { uses: index, matrix: { half: [1, 2] }, with: { dataset: "\${{ steps.first.dataset }}" } }
  after: { uses: ingest, each: folds, with: { source: "n=\${{ steps.folds.identities }}" } }
  last: { uses: ingest, needs: [folds], with: { source: b } }
`,
      ),
      {},
      used,
    );
    const steps = stepsOf(plan);
    expect(plan.steps.map(({ id }) => id)).toEqual([
      ...['first', 'split', 'folds.faces', 'folds.people', 'folds.report', 'folds.table', 'after', 'last'],
    ]);
    expect(steps['folds.report']?.axes).toEqual([
      { name: 'half', origin: 'split', values: [1, 2] },
      { name: 'seed', origin: 'folds.people', values: [1, 2] },
    ]);
    const when = { op: '>', of: [expect.anything(), { literal: 3 }] };
    for (const id of ['folds.faces', 'folds.people', 'folds.report', 'folds.table']) {
      expect(steps[id]?.needs.slice(0, 2)).toEqual(['first', 'split']);
      expect(steps[id]?.when).toEqual({ written: 'steps.split.testIdentities > 3', value: when });
    }
    expect(steps.after).toMatchObject({ needs: ['folds.faces'], wholes: ['folds'] });
    expect(steps.last).toMatchObject({ needs: [], wholes: ['folds'] });
    const [after] = instancesOf(plan, 'after');
    expect(after && needsOf(plan, after).at(-1)).toEqual({
      step: 'folds',
      ids: [
        ...['folds.faces[half=1]', 'folds.people[half=1,seed=1]', 'folds.people[half=1,seed=2]'],
        ...['folds.report[half=1,seed=1]', 'folds.report[half=1,seed=2]', 'folds.table[half=1]'],
      ],
      gathered: true,
      whole: false,
    });
    expect(asks(plan, 'folds.report[half=2,seed=1]').params).toMatchObject({ label: 'n=7' });
  });

  test('gives gathers as one list, of its own instances and of all', () => {
    const plan = planOf(
      using(
        `matrix: { side: [32, 48] }, ${given('source: x, size: "${{ matrix.side }}"')}`,
        `  each: { uses: compare, each: folds, with: { reports: "\${{ steps.folds.reports }}" } }
  all: { uses: compare, with: { reports: "\${{ steps.folds.*.reports }}" } }
  word: { uses: ingest, with: { source: "\${{ max(steps.folds.*.accuracies) }} of \${{ length(steps.folds.*.best) }}" } }
`,
      ),
      {},
      used,
    );
    const keys = (id: string) => (asks(plan, id).inputs.reports as { key: string }[]).map(({ key }) => key);
    expect(keys('each[side=48]')).toEqual(['folds.report[side=48,seed=1]', 'folds.report[side=48,seed=2]']);
    expect(keys('all')).toHaveLength(4);
    expect(asks(plan, 'word').params.source).toBe('0.9 of 2');
    expect(stepsOf(plan).all?.gathers).toEqual(['folds.report']);
  });

  test('may be used within a used one, with conditions that are all asked for', () => {
    const middle = `name: middle
summary: Uses parts twice
params: { n: { type: integer, default: 3 }, wanted: { type: boolean, default: true } }
steps:
  a: { uses: pipeline, when: "\${{ params.wanted }}", with: { pipeline: parts, params: { source: a, test: "\${{ params.n }}" } } }
  b: { uses: pipeline, with: { pipeline: parts, params: { source: b, test: "\${{ steps.a.identities }}" } } }
outputs: { best: "\${{ steps.b.best }}", accuracies: "\${{ steps.a.accuracies }}" }
`;
    const plan = planOf(
      `${header}steps:
  base: { uses: ingest, with: { source: x } }
  m:
    uses: pipeline
    when: \${{ steps.base.identities > 1 }}
    with: { pipeline: middle, params: { n: "\${{ steps.base.identities }}", wanted: "\${{ steps.base.identities > 2 }}" } }
  end: { uses: ingest, with: { source: "\${{ steps.m.best }} \${{ mean(steps.m.accuracies) }}" } }
`,
      {},
      { parts, middle },
    );
    const steps = stepsOf(plan);
    expect(steps['m.a.people']?.when?.written).toBe('steps.base.identities > 1 && params.wanted');
    expect(steps['m.b.people']?.when?.written).toBe('steps.base.identities > 1');
    expect(steps['m.b.people']?.needs).toEqual(['base', 'm.a.faces', 'm.b.faces']);
    expect(asks(plan, 'm.a.people[seed=1]').params.test).toBe(80);
    expect(asks(plan, 'end').params.source).toBe('0.8 0.9');
    expect(plan.pipelines).toEqual({ parts: 'digest of parts', middle: 'digest of middle' });
  });

  test('leaves out what the matrix of the step does, and is short where too few of its instances are done', () => {
    const plan = planOf(
      using(
        `matrix: { side: [32, 48], n: [1, 2], exclude: [{ side: 32, n: 1 }] }, ${given('source: x, size: "${{ matrix.side }}"')}`,
        '  last: { uses: ingest, needs: [folds], with: { source: b } }\n',
      ),
      {},
      { parts: parts.replace('onFailure: continue', 'minSuccess: 0.5') },
    );
    expect(instancesOf(plan, 'folds.people').map(({ id }) => id)).toEqual([
      ...['folds.people[side=32,n=2,seed=1]', 'folds.people[side=32,n=2,seed=2]'],
      ...['folds.people[side=48,n=1,seed=1]', 'folds.people[side=48,n=1,seed=2]'],
      ...['folds.people[side=48,n=2,seed=1]', 'folds.people[side=48,n=2,seed=2]'],
    ]);
    const [last] = instancesOf(plan, 'last');
    expect(last && needsOf(plan, last)).toMatchObject([{ step: 'folds', gathered: true, whole: true }]);
    expect(inheritedShortage(plan, 'folds', () => ({ done: 1, total: 6 }))).toMatchObject({
      step: 'folds.report',
      least: 3,
    });
    expect(inheritedShortage(plan, 'last', () => ({ done: 1, total: 6 }))?.step).toBe('folds.report');
    expect(inheritedShortage(plan, 'folds', () => ({ done: 3, total: 6 }))).toBeUndefined();
  });
});
