import { expect, it } from 'vitest';
import type { JsonObject } from '../language/text/json.ts';
import { planOf } from './reuse.ts';

const pipelineOf = (steps: number, summary: string) => ({
  file: 'large.yaml',
  name: 'large.yaml',
  digest: '',
  text: [
    'name: large',
    'summary: Many trainings',
    'steps:',
    '  faces: { uses: ingest, with: { source: /faces } }',
    '  people: { uses: index, with: { dataset: "${{ steps.faces.dataset }}" } }',
    ...Array.from(
      { length: steps - 2 },
      (_, i) =>
        `  t${i}: { uses: train, summary: ${summary}, with: { index: "\${{ steps.people.index }}" } }`,
    ),
  ].join('\n'),
});

it('plans as many steps as there may be, and no more than passes through Temporal', () => {
  expect(planOf(pipelineOf(1000, 'trains'), { params: {} }).steps).toHaveLength(1000);
  expect(() => planOf(pipelineOf(1000, '字'.repeat(200)), { params: {} })).toThrow(
    /^The plan of large takes 2\.\d MiB; at most 1\.8 MiB are possible\. Give it fewer steps, or shorter texts\.$/,
  );
});

it('takes changed params of single steps, if they are such', () => {
  const planWith = (changed: JsonObject) =>
    planOf(pipelineOf(3, 'trains'), { params: {}, selection: { with: { t0: changed } } });
  expect(planWith({ learningRate: 0.02 }).with).toEqual({ t0: { learningRate: 0.02 } });
  expect(() => planWith({ learningRate: 'fast' })).toThrow(
    '`learningRate` of t0 must be a number, not a string.',
  );
  expect(() => planWith({ index: 'people' })).toThrow('`index` of t0 is not a param of it.');
});
