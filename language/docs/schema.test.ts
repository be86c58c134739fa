import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { registry } from '../testing.ts';
import { pipelineSchema } from './schema.ts';

test('pipelines/pipeline.schema.json is current; `f2c schema > pipelines/pipeline.schema.json` makes it so', () => {
  const shipped = readFileSync(new URL('../../pipelines/pipeline.schema.json', import.meta.url), 'utf8');
  expect(shipped).toBe(pipelineSchema(registry));
});

test('does not depend on the order of the registry', () => {
  const reversed = Object.fromEntries(Object.entries(registry).reverse());
  expect(pipelineSchema(reversed)).toBe(pipelineSchema(registry));
});

test('a step kind asks for its inputs and params, each as a value or a reference', () => {
  const schema = JSON.parse(pipelineSchema(registry));
  const evaluate = schema.definitions.step.allOf.find(
    (rule: { if: { properties: { uses: { const: string } } } }) =>
      rule.if.properties.uses.const === 'evaluate',
  );
  expect(evaluate.then.required).toEqual(['with']);
  const { properties, required, additionalProperties } = evaluate.then.properties.with;
  expect(required).toEqual(['index', 'label']);
  expect(additionalProperties).toBe(false);
  expect(properties.index).toEqual({ $ref: '#/definitions/reference', description: 'Reference to an index' });
  expect(properties.embedding).toEqual({
    description: expect.stringContaining('What is compared'),
    default: 'model',
    anyOf: [{ type: 'string', enum: ['model', 'pixels'] }, { $ref: '#/definitions/reference' }],
  });
});
