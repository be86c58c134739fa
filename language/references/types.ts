import { z } from 'zod';
import type { Json } from '../text/json.ts';
import type { Bound } from './bind.ts';
import { typeOfReferent, type ValueType } from './typing.ts';

/** The type of a value that is not known itself; undefined where not even that is known. */
export function typeOf(bound: Bound): ValueType | undefined {
  if ('ref' in bound) {
    const { referent } = bound;
    // What an axis has is checked itself, once it is known.
    return referent.is === 'matrix' && referent.axis.open === undefined
      ? undefined
      : typeOfReferent(referent);
  }
  if ('op' in bound) return bound.type;
  if ('list' in bound) return { word: 'a list', types: ['array'] };
  if ('map' in bound) return { word: 'a map', types: ['object'] };
  const isWhole = 'text' in bound && !bound.text.some((part) => 'broken' in part);
  return isWhole ? { word: 'a string', types: ['string'] } : undefined;
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
