import { z } from 'zod';
import { holdsSecrets } from '../checking/secrets.ts';
import { type ArtifactPort, type StepContract, type StepRegistry, withArticle } from '../contract/step.ts';
import type { Shape } from '../grammar/fields.ts';
import {
  alwaysShape,
  itemShape,
  itemTypes,
  matrixShape,
  namePattern,
  paramShapes,
  pipelineShape,
  scheduleShape,
  stepShape,
  useShape,
} from '../grammar/grammar.ts';
import { pipelineKind } from '../grammar/uses.ts';

/** For editors, which know draft 7 best. */
const target = 'draft-7';

const useSummary = 'Runs the steps of another pipeline as part of this one. Outputs: those that it names.';

type JsonSchema = z.core.JSONSchema.BaseSchema;

const reference: JsonSchema = { $ref: '#/definitions/reference' };
const literal: JsonSchema = { type: ['string', 'number', 'boolean', 'object', 'array', 'null'] };

/** JSON Schema of pipeline files as text: completion, hover texts and squiggles in an editor. */
export function pipelineSchema(registry: StepRegistry): string {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'f2c pipeline',
    ...objectSchema(pipelineShape, {
      params: mapOf({ oneOf: paramSchemas() }),
      steps: mapOf({ $ref: '#/definitions/step' }),
      always: mapOf({ allOf: [{ $ref: '#/definitions/step' }, { properties: refusedByAlways }] }),
      outputs: mapOf(reference),
      schedule: objectSchema(scheduleShape, { params: { type: 'object' } }),
    }),
    definitions: {
      reference: {
        type: 'string',
        pattern: '\\$\\{\\{.*\\}\\}',
        description:
          '${{ params.NAME }}, ${{ steps.STEP.OUTPUT }}, ${{ steps.STEP.*.OUTPUT }}, ${{ matrix.AXIS }}, or an expression of them',
      },
      step: stepSchema(registry),
    },
  };
  return `${JSON.stringify(schema, withoutMarks, 2)}\n`;
}

/** Our own mark of what takes secrets is told in words. */
function withoutMarks(key: string, value: unknown): unknown {
  return key === 'secrets' && value === true ? undefined : value;
}

function paramSchemas(): JsonSchema[] {
  const maps = itemTypes.map((type) => objectSchema(itemShape(type)));
  return Object.entries(paramShapes).map(([type, shape]) =>
    objectSchema(shape, type === 'list' ? { items: { anyOf: [{ enum: [...itemTypes] }, ...maps] } } : {}),
  );
}

/** What only the others have. */
const refusedByAlways = Object.fromEntries(
  Object.keys(stepShape).flatMap((key) => (Object.hasOwn(alwaysShape, key) ? [] : [[key, false] as const])),
);

const combination: JsonSchema = { type: 'object', minProperties: 1, additionalProperties: literal };
const matrixKeys = objectSchema(matrixShape, {
  exclude: { type: 'array', minItems: 1, items: combination },
  include: { type: 'array', minItems: 1, items: combination },
}).properties as Record<string, JsonSchema>;

function stepSchema(registry: StepRegistry): object {
  const contracts = Object.values(registry).sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    ...objectSchema(stepShape, {
      uses: {
        oneOf: [...contracts, { name: pipelineKind, summary: useSummary }].map(({ name, summary }) => ({
          const: name,
          description: summary,
        })),
      },
      with: { type: 'object' },
      matrix: {
        ...mapOf({ anyOf: [{ type: 'array', minItems: 1, items: literal }, reference] }),
        properties: matrixKeys,
      },
    }),
    // With `if`, an editor offers the keys of this step kind alone and says what is wrong with them.
    allOf: [
      ...contracts.map((contract) => withOfKind(contract.name, withSchema(contract))),
      withOfKind(pipelineKind, objectSchema(useShape, { params: { type: 'object' } })),
    ],
  };
}

function withOfKind(kind: string, schema: JsonSchema): object {
  const required = (schema.required ?? []).length > 0 ? { required: ['with'] } : {};
  return {
    if: { properties: { uses: { const: kind } }, required: ['uses'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { properties: { with: schema }, ...required },
  };
}

function withSchema({ params, inputs, outputs, summary }: StepContract): JsonSchema {
  const schema = z.toJSONSchema(params, { target, io: 'input', unrepresentable: 'any' });
  const ports = Object.entries(inputs);
  const properties = {
    ...Object.fromEntries(ports.map(([name, port]) => [name, inputSchema(port)])),
    ...mapValues(schema.properties ?? {}, orReference),
  };
  const needed = ports.filter(([, port]) => !port.optional).map(([name]) => name);
  const required = [...needed, ...(schema.required ?? [])];
  return {
    type: 'object',
    description: `${summary} Outputs: ${Object.keys(outputs).join(', ')}.`,
    properties,
    additionalProperties: false,
    ...(required.length > 0 && { required }),
  };
}

function inputSchema({ artifact, many }: ArtifactPort): JsonSchema {
  if (!many) return { ...reference, description: `Reference to ${withArticle(artifact)}` };
  const list: JsonSchema = { type: 'array', minItems: 1, items: reference };
  return { anyOf: [reference, list], description: `References to artifacts of the kind ${artifact}` };
}

/** A value that may also be a reference, or hold references in its lists and maps. */
function orReference(value: JsonSchema | boolean): JsonSchema | boolean {
  if (typeof value === 'boolean') return value;
  const { title, default: byDefault, ...inner } = value;
  const description = holdsSecrets(value)
    ? `${inner.description}; may hold \${{ secrets.NAME }}`
    : inner.description;
  delete inner.description;
  const { items, properties } = inner;
  if (items !== undefined && !Array.isArray(items))
    inner.items = orReference(items as JsonSchema) as JsonSchema;
  if (properties !== undefined)
    inner.properties = mapValues(properties, orReference) as Record<string, JsonSchema>;
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(byDefault !== undefined && { default: byDefault }),
    anyOf: [inner, reference],
  };
}

/** A map with the keys of a shape; `replaced` holds the keys that zod cannot say as well. */
export function objectSchema(shape: Shape, replaced: Record<string, JsonSchema> = {}): JsonSchema {
  const plain = Object.entries(shape).filter(([key]) => !Object.hasOwn(replaced, key));
  const schema = z.toJSONSchema(z.strictObject(Object.fromEntries(plain)), { target, io: 'input' });
  const described = Object.entries(shape).map(([key, { description }]) => {
    const property = replaced[key] ?? schema.properties?.[key] ?? {};
    return [key, description === undefined ? property : { description, ...(property as JsonSchema) }];
  });
  const required = Object.keys(shape).filter((key) => !shape[key]?.safeParse(undefined).success);
  return {
    type: 'object',
    properties: Object.fromEntries(described),
    additionalProperties: false,
    ...(required.length > 0 && { required }),
  };
}

function mapOf(values: JsonSchema): JsonSchema {
  return {
    type: 'object',
    propertyNames: { pattern: namePattern.source },
    additionalProperties: values,
  };
}

function mapValues<In, Out>(map: Record<string, In>, change: (value: In) => Out): Record<string, Out> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}
