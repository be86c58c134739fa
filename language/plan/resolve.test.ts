import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { header, planOf } from '../testing.ts';
import { type GatheredRef, instancesOf, needsOf, resolveWith, type StepOutputs } from './resolve.ts';

const folds = planOf(`${header}
steps:
  faces: { uses: ingest, with: { source: x } }
  people:
    uses: index
    matrix: { fold: [1, 2] }
    with: { dataset: "\${{ steps.faces.dataset }}", fold: "\${{ matrix.fold }}", folds: 2 }
  train:
    uses: train
    each: people
    matrix: { head: [dcp, fc] }
    with: { index: "\${{ steps.people.index }}", head: "\${{ matrix.head }}", images: "\${{ steps.people.trainIdentities }}" }
  model: { uses: export, each: train, with: { checkpoint: "\${{ steps.train.checkpoint }}" } }
  report:
    uses: evaluate
    each: train
    with:
      index: \${{ steps.people.index }}
      model: \${{ steps.model.model }}
      label: \${{ matrix.head }} of fold \${{ matrix.fold }}, loss \${{ steps.train.loss }}
  pixels: { uses: evaluate, each: people, with: { index: "\${{ steps.people.index }}", embedding: pixels, label: pixels } }
  table: { uses: compare, with: { reports: ["\${{ steps.pixels.*.report }}", "\${{ steps.report.*.report }}"] } }
  foldTable: { uses: compare, each: people, with: { reports: "\${{ steps.report.*.report }}" } }
  after: { uses: ingest, each: people, needs: [train], with: { source: y } }
`);

/** An artifact and metrics that say which instance made them. */
function outputsOf(id: string): StepOutputs {
  const [step] = id.split('[');
  const kinds: Record<string, StepOutputs['artifact']['kind']> = {
    faces: 'dataset',
    people: 'index',
    train: 'checkpoint',
    model: 'model',
  };
  const artifact = { kind: kinds[step ?? ''] ?? 'report', key: id, digest: id };
  return { artifact, metrics: { trainIdentities: 30, loss: 0.25 } };
}

function instance(id: string) {
  const found = folds.steps
    .flatMap((step) => instancesOf(folds, step.id))
    .find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no instance ${id}`);
  return found;
}

describe('instances', () => {
  test('are all combinations, the last axis changing fastest', () => {
    expect(instancesOf(folds, 'train').map(({ id, coordinates }) => [id, coordinates])).toEqual([
      ['train[fold=1,head=dcp]', { fold: 1, head: 'dcp' }],
      ['train[fold=1,head=fc]', { fold: 1, head: 'fc' }],
      ['train[fold=2,head=dcp]', { fold: 2, head: 'dcp' }],
      ['train[fold=2,head=fc]', { fold: 2, head: 'fc' }],
    ]);
    expect(instancesOf(folds, 'faces').map(({ id, coordinates }) => [id, coordinates])).toEqual([
      ['faces', {}],
    ]);
  });

  test('values that are long or no plain text go by their place', () => {
    const plan = planOf(
      `${header}steps: { a: { uses: ingest, matrix: { v: [x.jpg, a b, [1], { k: 1 }, ~, true, 1e-7, ${'z'.repeat(41)}] }, with: { source: x } } }`,
    );
    const ids = ['x.jpg', '#2', '#3', '#4', '#5', 'true', '1e-7', '#8'];
    expect(instancesOf(plan, 'a').map(({ id }) => id)).toEqual(ids.map((label) => `a[v=${label}]`));
    const copy = JSON.parse(JSON.stringify(plan));
    expect(instancesOf(copy, 'a').map(({ id }) => id)).toEqual(ids.map((label) => `a[v=${label}]`));
  });

  test('an unknown step is a defect', () => {
    expect(() => instancesOf(folds, 'nope')).toThrow('the plan has no step nope');
  });
});

describe('dependencies', () => {
  test.each([
    ['faces', []],
    ['people[fold=2]', ['faces']],
    ['train[fold=2,head=fc]', ['people[fold=2]']],
    ['report[fold=1,head=fc]', ['people[fold=1]', 'train[fold=1,head=fc]', 'model[fold=1,head=fc]']],
    ['foldTable[fold=2]', ['people[fold=2]', 'report[fold=2,head=dcp]', 'report[fold=2,head=fc]']],
    ['after[fold=1]', ['people[fold=1]', 'train[fold=1,head=dcp]', 'train[fold=1,head=fc]']],
    [
      'table',
      [
        'report[fold=1,head=dcp]',
        'report[fold=1,head=fc]',
        'report[fold=2,head=dcp]',
        'report[fold=2,head=fc]',
        'pixels[fold=1]',
        'pixels[fold=2]',
      ],
    ],
  ])('of %s', (id, needs) => {
    expect(needsOf(folds, instance(id)).flatMap(({ ids }) => ids)).toEqual(needs);
  });
});

test('steps are gathered where nothing asks for every instance of them', () => {
  const gathers = Object.fromEntries(folds.steps.map((step) => [step.id, step.gathers]));
  expect(gathers).toMatchObject({ table: ['report', 'pixels'], foldTable: ['report'] });
  expect(gathers).toMatchObject({ people: undefined, after: undefined });
  const needed = planOf(`${header}
steps:
  faces: { uses: ingest, with: { source: x } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }
  pixels: { uses: evaluate, matrix: { seed: [1, 2] }, with: { index: "\${{ steps.people.index }}", label: x, seed: "\${{ matrix.seed }}" } }
  table: { uses: compare, needs: [pixels], with: { reports: "\${{ steps.pixels.*.report }}" } }
`);
  expect(needed.steps.at(-1)?.gathers).toBeUndefined();
});

const keyOf = (ref: GatheredRef) => ('key' in ref ? ref.key : ref.step);

describe('the `with` of an instance', () => {
  const keys = (id: string) => {
    const { inputs } = resolveWith(folds, instance(id), outputsOf);
    return Object.fromEntries(
      Object.entries(inputs).map(([name, input]) => [
        name,
        Array.isArray(input) ? input.map(keyOf) : input.key,
      ]),
    );
  };

  test('has the artifacts of its family', () => {
    expect(keys('report[fold=2,head=dcp]')).toEqual({
      index: 'people[fold=2]',
      model: 'model[fold=2,head=dcp]',
    });
    expect(resolveWith(folds, instance('people[fold=1]'), outputsOf).inputs).toEqual({
      dataset: { kind: 'dataset', key: 'faces', digest: 'faces' },
    });
  });

  test('has gathered artifacts in order, in one list with the others', () => {
    expect(keys('table').reports).toEqual([
      'pixels[fold=1]',
      'pixels[fold=2]',
      'report[fold=1,head=dcp]',
      'report[fold=1,head=fc]',
      'report[fold=2,head=dcp]',
      'report[fold=2,head=fc]',
    ]);
    expect(keys('foldTable[fold=2]').reports).toEqual(['report[fold=2,head=dcp]', 'report[fold=2,head=fc]']);
  });

  test('has params with their types, defaults and texts', () => {
    expect(resolveWith(folds, instance('train[fold=1,head=fc]'), outputsOf).params).toMatchObject({
      head: 'fc',
      images: 30,
      scale: 32,
      augment: ['flip'],
    });
    expect(resolveWith(folds, instance('report[fold=2,head=dcp]'), outputsOf).params).toEqual({
      label: 'dcp of fold 2, loss 0.25',
      embedding: 'model',
      seed: 0,
    });
  });

  test('has of a gather what was made, and a plain reference needs what it names', () => {
    const without = (missing: string) => (id: string) => (id === missing ? undefined : outputsOf(id));
    const { inputs } = resolveWith(folds, instance('table'), without('report[fold=1,head=fc]'));
    expect([inputs.reports].flat().map((report) => report && keyOf(report))).toEqual([
      'pixels[fold=1]',
      'pixels[fold=2]',
      'report[fold=1,head=dcp]',
      'report[fold=2,head=dcp]',
      'report[fold=2,head=fc]',
    ]);
    expect(() => resolveWith(folds, instance('people[fold=1]'), without('faces'))).toThrow(
      'people[fold=1] needs dataset of faces, which was not made',
    );
  });

  test('an output that was not made is a defect', () => {
    const without = (id: string): StepOutputs => ({ ...outputsOf(id), metrics: {} });
    expect(() => resolveWith(folds, instance('train[fold=1,head=fc]'), without)).toThrow(
      'people[fold=1] has made no trainIdentities',
    );
  });
});

test('runs in a workflow: imports no package', () => {
  const seen = new Set<string>();
  const urlOf = (file: string): string => new URL(file, import.meta.url).href;
  const visit = (url: string): void => {
    if (seen.has(url)) return;
    seen.add(url);
    const text = readFileSync(new URL(url), 'utf8');
    for (const [, imported = ''] of text.matchAll(/^import (?!type )[^;]*? from '([^']+)'/gms)) {
      expect(imported, url).toMatch(/^\.\.?\//);
      visit(new URL(imported, url).href);
    }
  };
  visit(urlOf('./resolve.ts'));
  visit(urlOf('./evaluate.ts'));
  const files = [
    './resolve.ts',
    '../text/own.ts',
    './coordinates.ts',
    './evaluate.ts',
    './names.ts',
    './slicedRefs.ts',
  ];
  expect([...seen]).toEqual(files.map(urlOf));
});
