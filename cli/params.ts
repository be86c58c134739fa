import { F2cError } from '../errors/failure.ts';
import type { Json, JsonObject } from '../language/text/json.ts';
import { parseArgument } from '../language/text/parse.ts';

/** Params as a command line gives them, `name=value` each; a value is read as YAML would read it. F2C_USAGE. */
export function readParams(texts: string[], option = '--param'): JsonObject {
  return Object.fromEntries(texts.map((text) => readParam(text, option)));
}

function readParam(text: string, option: string): [string, Json] {
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw new F2cError('F2C_USAGE', {
      what: `${option} ${text} has no value`,
      fix: `Write ${option} name=value`,
    });
  }
  return [text.slice(0, equals), parseArgument(text.slice(equals + 1))];
}

/** A param as it would be given on a command line. */
export function paramText([name, value]: [string, Json]): string {
  return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
}
