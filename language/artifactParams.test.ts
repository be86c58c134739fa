import { describe, expect, test } from 'vitest';
import { fillParams } from './grammar/params.ts';
import { instancesOfRun, resolveWith } from './plan/resolve.ts';
import { header, planOf, problemsOf } from './testing.ts';

const key = '3f2a'.repeat(16);
const text = `${header}params:
  base: { type: artifact, kind: checkpoint, title: Start }
steps:
  model: { uses: export, with: { checkpoint: "\${{ params.base }}" } }
`;

describe('a param of the type artifact', () => {
  test('is an input that is in the store, which is told by the plan', () => {
    const plan = planOf(text, { base: key.slice(0, 12) });
    expect(plan.artifacts).toEqual({ base: { kind: 'checkpoint', key: key.slice(0, 12), digest: '' } });
    expect(plan.steps[0]).toMatchObject({
      needs: [],
      with: { checkpoint: { ref: { from: 'params', param: 'base' } } },
    });
    const base = { kind: 'checkpoint' as const, key, digest: 'd' };
    const [instance] = instancesOfRun(plan);
    if (instance === undefined) throw new Error('no instance');
    const resolved = resolveWith({ ...plan, artifacts: { base } }, instance, () => undefined);
    expect(resolved.inputs).toEqual({ checkpoint: base });
  });

  test('goes into lists, and may have a default', () => {
    const list = `${header}params: { a: { type: artifact, kind: report, default: ${key} } }
steps: { table: { uses: compare, with: { reports: ["\${{ params.a }}"] } } }
`;
    expect(planOf(list).artifacts).toEqual({ a: { kind: 'report', key, digest: '' } });
  });

  test.each([['x'], [key.toUpperCase()], ['3f2a'], [123456789012], [null], [`${key}0`]])(
    'is no %j',
    (given) => {
      const { problems } = fillParams({ base: { type: 'artifact', kind: 'model' } }, { base: given });
      expect(problems).toEqual([
        {
          param: 'base',
          message: expect.stringMatching(/^`base` must be the key of an artifact, or its first twelve/),
        },
      ]);
    },
  );

  test('is asked for by every run', () => {
    expect(fillParams({ base: { type: 'artifact', kind: 'index', title: 'Start' } }, {}).problems).toEqual([
      { param: 'base', message: '`base` is missing: the key of an index (Start)' },
    ]);
  });

  test.each([
    ['{ type: artifact }', '`kind` is missing'],
    ['{ type: artifact, kind: chekpoint }', '[checkpoint]'],
    ['{ type: artifact, kind: model, minimum: 1 }', '`minimum` is not a key of a param of type artifact'],
    ['{ type: artifact, kind: checkpoint, default: abc }', '`default` must be the key of an artifact'],
    [
      '{ type: artifact, kind: model }',
      '`params.base` is a model, but `checkpoint` of `export` takes a checkpoint',
    ],
    [
      '{ type: string, default: x }',
      '`params.base` is a param, but `checkpoint` of `export` takes a checkpoint',
    ],
  ])('%s', (definition, message) => {
    const wrong = text.replace('{ type: artifact, kind: checkpoint, title: Start }', definition);
    expect(problemsOf(wrong).join('\n')).toContain(message);
  });

  test.each([
    ['source: "${{ params.base }}"', '`params.base` is a checkpoint, but `source` of `ingest` takes a value'],
    ['source: "a ${{ params.base }}"', '`params.base` is a checkpoint and cannot be part of a text'],
    [
      'source: "${{ length(params.base) }}"',
      '`params.base` is a checkpoint, which has no value to work with',
    ],
  ])('is no value: %s', (params, message) => {
    expect(problemsOf(`${text}  a: { uses: ingest, with: { ${params} } }\n`).join('\n')).toContain(message);
  });
});

describe('of a used pipeline', () => {
  const using = (given: string) => `${header}params: { start: { type: artifact, kind: checkpoint } }
steps: { sub: { uses: pipeline, with: { pipeline: inner, params: { ${given} } } } }
`;

  test('is what is around it', () => {
    const plan = planOf(using('base: "${{ params.start }}"'), { start: key }, { inner: text });
    expect(Object.keys(plan.artifacts ?? {})).toEqual(['start']);
    expect(plan.steps[0]).toMatchObject({
      id: 'sub.model',
      with: { checkpoint: { ref: { from: 'params', param: 'start' } } },
    });
  });

  test('may be made by a step', () => {
    const made = `${header}params: { index: { type: artifact, kind: index } }
steps:
  train: { uses: train, with: { index: "\${{ params.index }}" } }
  sub: { uses: pipeline, with: { pipeline: inner, params: { base: "\${{ steps.train.checkpoint }}" } } }
`;
    const model = planOf(made, { index: key }, { inner: text }).steps[1];
    expect(model).toMatchObject({ id: 'sub.model', needs: ['train'] });
    expect(model?.with.checkpoint).toEqual({
      ref: { from: 'steps', step: 'train', output: 'checkpoint', gather: false },
    });
  });

  test.each([
    ['', 'The param `base` of `inner` is missing: a checkpoint'],
    [`base: "${key}"`, '`base` of `inner` takes a checkpoint: a reference such as ${{ steps.STEP.OUTPUT }}'],
  ])('is not %j', (given, message) => {
    expect(problemsOf(using(given), { inner: text }).join('\n')).toContain(message);
  });
});
