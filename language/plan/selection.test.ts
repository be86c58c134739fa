import { describe, expect, it } from 'vitest';
import { F2cError } from '../../errors/failure.ts';
import { header, planOf } from '../testing.ts';
import { type Selection, select } from './selection.ts';

const plan = planOf(`${header}steps:
  faces: { uses: ingest, with: { source: /faces } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }
  train: { uses: train, matrix: { head: [dcp, fc] }, with: { index: "\${{ steps.people.index }}", head: "\${{ matrix.head }}" } }
  model: { uses: export, each: train, with: { checkpoint: "\${{ steps.train.checkpoint }}" } }
  report:
    uses: evaluate
    each: train
    with: { index: "\${{ steps.people.index }}", model: "\${{ steps.model.model }}", label: a }
  pixels: { uses: evaluate, with: { index: "\${{ steps.people.index }}", embedding: pixels, label: b } }
  table: { uses: compare, with: { reports: ["\${{ steps.report.*.report }}", "\${{ steps.pixels.report }}"] } }
`);

function selected(selection: Selection) {
  const { force, only } = select(plan, selection);
  return { force, only };
}

function refusal(selection: Selection): string {
  try {
    select(plan, selection);
  } catch (error) {
    if (error instanceof F2cError && error.code === 'F2C_STEP_UNKNOWN') return error.message;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('select', () => {
  it('leaves a plan as it is where nothing is selected', () => {
    expect(select(plan, {})).toEqual(plan);
  });

  it('gives changed params to instances, by their ids or that of their step', () => {
    const [dcp, both] = [{ seed: 1 }, { images: 2 }];
    expect(select(plan, { with: { 'train[head=dcp]': dcp, model: both } }).with).toEqual({
      'train[head=dcp]': dcp,
      'model[head=dcp]': both,
      'model[head=fc]': both,
    });
    expect(refusal({ with: { trian: dcp } })).toContain('Did you mean "train"?');
  });

  it('takes a step for all of its instances, and an instance for itself', () => {
    expect(selected({ force: ['train'] }).force).toEqual(['train[head=dcp]', 'train[head=fc]']);
    expect(selected({ force: ['model[head=fc]', 'faces', 'model'] }).force).toEqual([
      'faces',
      'model[head=dcp]',
      'model[head=fc]',
    ]);
  });

  it('forces with `from` what depends on a step as well, and nothing beside it', () => {
    expect(selected({ from: ['model[head=dcp]'] }).force).toEqual([
      'model[head=dcp]',
      'report[head=dcp]',
      'table',
    ]);
  });

  it('limits a run with `only` to a step and what it needs', () => {
    expect(selected({ only: ['report[head=fc]'] })).toEqual({
      force: undefined,
      only: ['faces', 'people', 'train[head=fc]', 'model[head=fc]', 'report[head=fc]'],
    });
  });

  it('forces nothing outside of `only`', () => {
    expect(selected({ from: ['train'], only: ['model[head=dcp]'] }).force).toEqual([
      'train[head=dcp]',
      'model[head=dcp]',
    ]);
  });

  it('knows what a matrix excludes and includes', () => {
    const chosen = planOf(`${header}steps:
  faces: { uses: ingest, with: { source: /faces } }
  people: { uses: index, matrix: { test: [2, 3], seed: [1, 2], exclude: [{ test: 2 }], include: [{ test: 4, seed: 1 }] }, with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ matrix.test }}" } }
  report: { uses: evaluate, each: people, with: { index: "\${{ steps.people.index }}", embedding: pixels, label: a } }
`);
    expect(select(chosen, { only: ['report[test=4,seed=1]'], force: ['people'] })).toMatchObject({
      only: ['faces', 'people[test=4,seed=1]', 'report[test=4,seed=1]'],
      force: ['people[test=4,seed=1]'],
    });
    expect(() => select(chosen, { only: ['people[test=2,seed=1]'] })).toThrow(
      'Did you mean "people[test=3,seed=1]"?',
    );
  });

  it('counts as needed what `when` reads, and every instance of a gather', () => {
    const gated = planOf(`${header}steps:
  faces: { uses: ingest, with: { source: /faces } }
  people: { uses: index, matrix: { test: [2, 3] }, with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ matrix.test }}" } }
  report: { uses: evaluate, each: people, with: { index: "\${{ steps.people.index }}", embedding: pixels, label: a } }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
  again: { uses: ingest, when: "\${{ mean(steps.report.*.accuracy) > 0.5 }}", with: { source: /more } }
`);
    const reports = ['people[test=2]', 'people[test=3]', 'report[test=2]', 'report[test=3]'];
    expect(select(gated, { only: ['again'] }).only).toEqual(['faces', ...reports, 'again']);
    expect(select(gated, { only: ['table'] }).only).toEqual(['faces', ...reports, 'table']);
    expect(select(gated, { from: ['people[test=2]'] }).force).toEqual([
      'people[test=2]',
      'report[test=2]',
      'table',
      'again',
    ]);
  });

  it.each<[Selection, string]>([
    [{ force: ['trian'] }, 'The pipeline example has no step "trian". Did you mean "train"?'],
    [
      { from: ['train[head=fcc]'] },
      'The pipeline example has no step "train[head=fcc]". Did you mean "train[head=fc]"?',
    ],
    [
      { only: ['something-else'] },
      'The pipeline example has no step "something-else". There are: faces, people, train, model, report, pixels, table.',
    ],
    [
      { force: ['table'], only: ['people'] },
      'The step "table" is not part of the run, which is limited to people and what they need. ' +
        'Name it in `only` as well, or leave it out.',
    ],
  ])('refuses %j', (selection, message) => {
    expect(refusal(selection)).toBe(message);
  });
});
