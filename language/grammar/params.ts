import { z } from 'zod';
import { namesSecret, secretHint, secretName } from '../contract/secretText.ts';
import { type ArtifactKind, withArticle } from '../contract/step.ts';
import type { Findings } from '../text/findings.ts';
import type { Json, JsonObject } from '../text/json.ts';
import { nearest } from '../text/nearest.ts';
import type { Path } from '../text/places.ts';
import type { ParamProblem } from '../text/problems.ts';
import { checkValue, wordFor } from './complaints.ts';
import { readFields, readMap, subjectOf } from './fields.ts';
import { itemShape, itemTypes, paramShapes, wholeNumber } from './grammar.ts';

const keyHint =
  'must be the key of an artifact, or its first twelve digits or more, in quotes if all of them are digits; `npx f2c artifact list` shows keys';

type ParamType = keyof typeof paramShapes;

/** A param as its pipeline declares it. */
export interface ParamDefinition {
  type: ParamType;
  title?: string;
  description?: string;
  /** Absent: every run must give the param. */
  default?: Json;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  /** Of `artifact` alone. */
  kind?: ArtifactKind;
  /** Of `enum` alone. */
  values?: string[];
  /** Of `list` alone, as the next two. */
  items?: ParamDefinition;
  minItems?: number;
  maxItems?: number;
}

export function readParam(
  value: Json | undefined,
  path: Path,
  findings: Findings,
): ParamDefinition | undefined {
  const map = readMap(value, path, findings);
  if (map === undefined) return undefined;
  const type = readType(map, path, findings, Object.keys(paramShapes) as ParamType[]);
  if (type === undefined) return undefined;
  if (type === 'secret') findings.hide([...path, 'default']);
  const owner = type === 'enum' ? 'an enum param' : `a param of type ${type}`;
  // The shapes differ by type; a definition is all of their keys.
  const definition = readFields(paramShapes[type], map, path, owner, findings) as ParamDefinition;
  if (type === 'enum' && definition.values === undefined) return undefined;
  definition.values?.forEach((value, index, values) => {
    if (values.indexOf(value) < index)
      findings.atValue([...path, 'values', index], `\`${value}\` is given twice in \`values\``);
  });
  if (type === 'list') {
    const items = readItems(definition.items, [...path, 'items'], findings);
    if (items === undefined) return undefined;
    definition.items = items;
  }
  if (type === 'artifact' && definition.kind === undefined) return undefined;
  checkDefinition(definition, path, findings);
  return definition;
}

/** What a list says of its items: their type, or a map as that of a param without its texts. */
function readItems(items: unknown, path: Path, findings: Findings): ParamDefinition | undefined {
  if (items === undefined) return undefined;
  if (typeof items === 'string') return { type: items as ParamType };
  const map = items as JsonObject;
  const type = readType(map, path, findings, itemTypes);
  if (type === undefined) return undefined;
  const definition: Partial<ParamDefinition> = readFields(
    itemShape(type),
    map,
    path,
    `items of type ${type}`,
    findings,
  );
  const whole = { ...definition, type };
  checkDefinition(whole, path, findings);
  return whole;
}

function readType<Type extends ParamType>(
  map: JsonObject,
  path: Path,
  findings: Findings,
  types: readonly Type[],
): Type | undefined {
  const checked = checkValue(z.enum(types), map.type);
  if ('value' in checked) return checked.value;
  for (const { says, suggestion } of checked.complaints) {
    const owner = path.length === 2 ? `the param \`${path.at(-1)}\`` : `\`${path.at(-1)}\``;
    if (map.type === undefined) findings.atKey(path, `\`type\` of ${owner} is missing`);
    else findings.atValue([...path, 'type'], `\`type\` ${says}`, suggestion);
  }
  return undefined;
}

function checkDefinition(definition: ParamDefinition, path: Path, findings: Findings): void {
  const { minimum, maximum, minItems, maxItems, default: value } = definition;
  if (minimum !== undefined && maximum !== undefined && minimum > maximum) {
    findings.atValue([...path, 'minimum'], `\`minimum\` must be at most \`maximum\`, which is ${maximum}`);
  } else if (minItems !== undefined && maxItems !== undefined && minItems > maxItems) {
    findings.atValue(
      [...path, 'minItems'],
      `\`minItems\` must be at most \`maxItems\`, which is ${maxItems}`,
    );
  } else if (value !== undefined) {
    const checked = checkValue(valueSchema(definition), value);
    if ('value' in checked) return;
    for (const { path: inner, says, suggestion } of checked.complaints) {
      const place = ['default', ...inner];
      findings.atValue([...path, ...place], `\`${subjectOf(place)}\` ${says}`, suggestion);
    }
  }
}

/** The zod schema of the values that a param takes. */
export function valueSchema(definition: ParamDefinition): z.ZodType<Json> {
  const { type, minimum, maximum, minLength, values, items, minItems, maxItems } = definition;
  switch (type) {
    case 'string':
      return z
        .string()
        .min(minLength ?? 0)
        .refine((text) => !namesSecret.test(text), 'must not name a secret; `type: secret` is for those');
    case 'artifact':
      return z.string({ error: () => keyHint }).regex(/^[0-9a-f]{12,64}$/, keyHint);
    case 'secret':
      return z.string({ error: () => secretHint }).regex(secretName, secretHint);
    case 'boolean':
      return z.boolean();
    case 'enum':
      return z.enum(values ?? []);
    case 'list':
      return z
        .array(items === undefined ? z.json() : valueSchema(items), {
          error: ({ input }) => (input === undefined || Array.isArray(input) ? undefined : listHint(input)),
        })
        .min(minItems ?? 0)
        .max(maxItems ?? Number.POSITIVE_INFINITY);
    default:
      return (type === 'integer' ? wholeNumber : z.number())
        .min(minimum ?? Number.NEGATIVE_INFINITY)
        .max(maximum ?? Number.POSITIVE_INFINITY);
  }
}

/** The params of a run: those given, and the defaults of the others. */
export function fillParams(
  definitions: Readonly<Record<string, ParamDefinition>>,
  given: JsonObject,
): { values: JsonObject; problems: ParamProblem[] } {
  const values: JsonObject = {};
  const problems: ParamProblem[] = [];
  for (const param of Object.keys(given)) {
    if (Object.hasOwn(definitions, param)) continue;
    problems.push(
      paramProblem(param, `\`${param}\` is not a param`, nearest(param, Object.keys(definitions))),
    );
  }
  for (const [param, definition] of Object.entries(definitions)) {
    const value = Object.hasOwn(given, param) ? given[param] : definition.default;
    if (value === undefined) {
      problems.push(paramProblem(param, `\`${param}\` is missing: ${expectation(definition)}`));
      continue;
    }
    const checked = checkValue(valueSchema(definition), value);
    if ('value' in checked) values[param] = checked.value;
    else {
      problems.push(
        ...checked.complaints.map(({ path, says, suggestion }) =>
          paramProblem(param, `\`${subjectOf([param, ...path])}\` ${says}`, suggestion),
        ),
      );
    }
  }
  return { values, problems };
}

function listHint(input: unknown): string {
  return `must be a list such as [1, 2], not ${wordFor(input)}`;
}

function expectation({ type, title, values, items, kind }: ParamDefinition): string {
  const words = {
    string: 'a string',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
    secret: 'the name of a secret',
    list: `a list of ${itemsWord(items)}`,
    artifact: `the key of ${kind && withArticle(kind)}`,
  };
  const word =
    type === 'enum' ? `${values?.length === 1 ? '' : 'one of '}${values?.join(', ')}` : words[type];
  return title === undefined ? word : `${word} (${title})`;
}

/** The items of a list param, in the plural. */
export function itemsWord(items: ParamDefinition | undefined): string {
  const words: Record<string, string> = {
    integer: 'whole numbers',
    number: 'numbers',
    boolean: 'true or false',
  };
  return words[items?.type ?? ''] ?? 'strings';
}

export function paramProblem(param: string, message: string, suggestion?: string): ParamProblem {
  return suggestion === undefined ? { param, message } : { param, message, suggestion };
}
