import { activityInfo } from '@temporalio/activity';
import { F2cError } from '../errors/failure.ts';
import { replaceSecrets, secretReference } from '../language/contract/secretText.ts';
import type { Json, JsonObject } from '../language/text/json.ts';
import { leastLength } from './secrets.ts';
import type { StepTask } from './tasks.ts';

/**
 * The params of a task with the values of its secrets, from this worker's environment: what passes through Temporal
 * and the store holds their names. A text that looks like a secret of another name is a text. F2C_SECRET_MISSING.
 */
export function withSecrets({ params, secrets = [], always }: StepTask): JsonObject {
  if (secrets.length === 0) return params;
  const values = new Map(secrets.map((name) => [name, secretValue(name, always === true)]));
  return replaced(params, (name) => values.get(name) ?? secretReference(name)) as JsonObject;
}

/** Names of the secrets in params. */
export function secretsIn(params: JsonObject): string[] {
  const names = new Set<string>();
  replaced(params, (name) => {
    names.add(name);
    return '';
  });
  return [...names];
}

function replaced(value: Json, ask: (name: string) => string): Json {
  if (typeof value === 'string') return replaceSecrets(value, ask);
  if (Array.isArray(value)) return value.map((item) => replaced(item, ask));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item, ask)]));
}

function secretValue(name: string, always: boolean): string {
  const variable = `F2C_SECRET_${name}`;
  const value = process.env[variable] ?? '';
  if (value.length >= leastLength) return value;
  const { taskQueue } = activityInfo();
  const what =
    value === ''
      ? `The secret ${name} is not there: a worker of the queue ${taskQueue} has no variable ${variable}`
      : `The secret ${name} of a worker of the queue ${taskQueue} has fewer than ${leastLength} characters, which cannot be kept out of logs`;
  throw new F2cError('F2C_SECRET_MISSING', {
    what,
    fix: always
      ? `Set ${variable} for every worker of that queue and start them again: the next run has it, or this one if it is not done and you resume it`
      : `Set ${variable} for every worker of that queue, start them again, and resume the run`,
  });
}
