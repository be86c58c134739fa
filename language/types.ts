import { z } from 'zod';
import type { Bound } from './bind.ts';
import type { Json } from './json.ts';
import type { Referent } from './scope.ts';

/** What is known of a value before the run: its JSON types, any of which it may have, and a word for them. */
export interface ValueType {
  word: string;
  types: string[];
}

/** The type of a value that is not known itself; undefined where not even that is known. */
export function typeOf(bound: Bound): ValueType | undefined {
  if ('ref' in bound) return referencedType(bound.referent);
  if ('list' in bound) return { word: 'a list', types: ['array'] };
  if ('map' in bound) return { word: 'a map', types: ['object'] };
  const isWhole = 'text' in bound && !bound.text.some((part) => 'broken' in part);
  return isWhole ? { word: 'a string', types: ['string'] } : undefined;
}

function referencedType(referent: Referent): ValueType | undefined {
  if (referent.is === 'metric') {
    return referent.many
      ? { word: 'a list of numbers', types: ['array'] }
      : { word: 'a number', types: ['number', 'integer'] };
  }
  if (referent.is !== 'param') return undefined;
  switch (referent.definition.type) {
    case 'integer':
      return { word: 'a whole number', types: ['number', 'integer'] };
    case 'number':
      return { word: 'a number', types: ['number'] };
    case 'boolean':
      return { word: 'true or false', types: ['boolean'] };
    default:
      return { word: 'a string', types: ['string'] };
  }
}

/** Whether a schema takes values of one of these JSON types, as far as its JSON Schema says. */
export function accepts(schema: z.core.$ZodType, types: string[]): boolean {
  const accepted = acceptedTypes(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }));
  return accepted === 'any' || types.some((type) => accepted.includes(type));
}

function acceptedTypes(schema: z.core.JSONSchema.BaseSchema): string[] | 'any' {
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) {
    const types = branches.map((branch) => acceptedTypes(branch as z.core.JSONSchema.BaseSchema));
    return types.includes('any') ? 'any' : types.flat();
  }
  if (schema.type !== undefined) return [schema.type].flat();
  const values: Json[] | undefined = schema.const === undefined ? (schema.enum as Json[]) : [schema.const];
  return values?.map((value) => (value === null ? 'null' : typeof value)) ?? 'any';
}
