import { z } from 'zod';
import type { Findings } from '../text/findings.ts';
import type { Json, JsonObject } from '../text/json.ts';
import { nearest } from '../text/nearest.ts';
import { own } from '../text/own.ts';
import type { Path } from '../text/places.ts';
import { checkValue, wordFor } from './complaints.ts';

export type Shape = Record<string, z.ZodType>;
type Fields<S extends Shape> = { -readonly [Key in keyof S]?: z.output<S[Key]> };

/** The value as a map, or undefined and a problem. */
export function readMap(value: Json | undefined, path: Path, findings: Findings): JsonObject | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  const subject = path.length === 0 ? 'The pipeline' : `\`${path.at(-1)}\``;
  findings.atValue(path, `${subject} must be a map, not ${wordFor(value)}`);
  return undefined;
}

/**
 * Reads a map key by key. A field that is wrong is a problem and is left out, so that one mistake does not
 * hide what the other fields say.
 */
export function readFields<S extends Shape>(
  shape: S,
  map: JsonObject,
  path: Path,
  owner: string,
  findings: Findings,
): Fields<S> {
  checkKeys(map, Object.keys(shape), path, owner, findings);
  const fields: Fields<S> = {};
  for (const key of Object.keys(shape) as (keyof S & string)[]) {
    const schema = shape[key];
    const value = own(map, key);
    // Most keys are absent of most maps.
    if (schema === undefined || (value === undefined && schema instanceof z.ZodOptional)) continue;
    const checked = checkValue(schema, value);
    if ('value' in checked) {
      if (checked.value !== undefined) fields[key] = checked.value;
      continue;
    }
    for (const { path: inner, says, suggestion, key: isKey } of checked.complaints) {
      const place = [...path, key, ...inner];
      const message = `\`${subjectOf([key, ...inner])}\` ${says}`;
      if (isKey || !Object.hasOwn(map, key)) findings.atKey(isKey ? place : path, message, suggestion);
      else findings.atValue(place, message, suggestion);
    }
  }
  return fields;
}

function checkKeys(map: JsonObject, known: string[], path: Path, owner: string, findings: Findings): void {
  for (const key of Object.keys(map)) {
    if (known.includes(key)) continue;
    findings.atKey([...path, key], `\`${key}\` is not a key of ${owner}`, nearest(key, known));
  }
}

/** `augment[1]`, `attempts`: the innermost name, with its place in a list. */
export function subjectOf(path: Path): string {
  const name = path.findLastIndex((part) => typeof part === 'string');
  const indices = path.slice(name + 1).map((index) => `[${index}]`);
  return `${path[name] ?? 'value'}${indices.join('')}`;
}
