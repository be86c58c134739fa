import { F2cError } from '../errors/failure.ts';
import type { Json, JsonObject } from '../language/text/json.ts';
import { parseArgument } from '../language/text/parse.ts';

/** Params as a command line gives them, `name=value` each; a value is read as YAML would read it. F2C_USAGE. */
export function readParams(texts: string[], option = '--param'): JsonObject {
  const params = new Map<string, Json>();
  for (const text of texts) {
    const [name, value] = readParam(text, option);
    if (params.has(name)) throw unusable(`${option} ${name} is given twice`, `Give ${name} once`);
    params.set(name, value);
  }
  return Object.fromEntries(params);
}

function readParam(text: string, option: string): [string, Json] {
  const equals = text.indexOf('=');
  const lack = { '-1': 'value', 0: 'name' }[equals];
  if (lack !== undefined) throw unusable(`${option} ${text} has no ${lack}`, `Write ${option} name=value`);
  return [text.slice(0, equals), parseArgument(text.slice(equals + 1))];
}

function unusable(what: string, fix: string): F2cError {
  return new F2cError('F2C_USAGE', { what, fix });
}

/** A param as it would be given on a command line. */
export function paramText([name, value]: [string, Json]): string {
  return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
}
