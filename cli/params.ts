import { F2cError } from '../errors/failure.ts';
import type { JsonObject } from '../language/json.ts';
import { parseScalar } from '../language/parse.ts';

/** Collects repeated `--param name=value` options; a value is read as YAML would read it. */
export function collectParam(text: string, params: JsonObject): JsonObject {
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw new F2cError('F2C_USAGE', {
      what: `--param ${text} has no value`,
      fix: 'Write --param name=value',
    });
  }
  return { ...params, [text.slice(0, equals)]: parseScalar(text.slice(equals + 1)) };
}
