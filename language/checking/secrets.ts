import { z } from 'zod';
import type { StepContract } from '../contract/step.ts';
import { type Bound, type BoundReference, partOf, referencesIn, secretNamed } from '../references/bind.ts';
import type { UsedPipeline } from '../references/library.ts';
import type { Findings } from '../text/findings.ts';
import type { JsonObject } from '../text/json.ts';
import type { Path } from '../text/places.ts';

type Schema = z.core.JSONSchema.BaseSchema;

/** A schema takes longer to be made than a step to be checked, and a file has many steps of one kind. */
const made = new WeakMap<StepContract, Record<string, Schema>>();

function propertiesOf(contract: StepContract): Record<string, Schema> {
  const known = made.get(contract);
  if (known !== undefined) return known;
  const schema = z.toJSONSchema(contract.params, { io: 'input', unrepresentable: 'any' });
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  made.set(contract, properties);
  return properties;
}

/** Reports secrets where their value would be for everybody to read. */
export function checkSecrets(contract: StepContract, bound: Record<string, Bound>, findings: Findings): void {
  const properties = propertiesOf(contract);
  for (const [name, value] of Object.entries(bound)) {
    for (const { ref, path } of misplaced(value, properties[name])) {
      const message = `\`${ref.written}\` cannot stand here, where everybody could read its value: ${placesOf(contract)}`;
      findings.inText(path, partOf(ref), message);
    }
  }
}

/** Where the params of a step kind take secrets, in words. */
function placesOf(contract: StepContract): string {
  const able = Object.entries(propertiesOf(contract)).filter(([, schema]) => holdsSecrets(schema));
  if (able.length === 0) return `\`${contract.name}\` takes no secrets`;
  return `\`${contract.name}\` takes secrets in ${able.map(([name]) => `\`${name}\``).join(' and ')} alone`;
}

/** The secrets of a value that are not where its schema takes them. */
function misplaced(bound: Bound, schema: Schema | undefined): BoundReference[] {
  if ('list' in bound)
    return bound.list.flatMap((item) => misplaced(item, schema?.items as Schema | undefined));
  if ('map' in bound) {
    return Object.entries(bound.map).flatMap(([key, item]) => {
      const inner = schema?.properties?.[key] ?? schema?.additionalProperties;
      return misplaced(item, typeof inner === 'object' ? (inner as Schema) : undefined);
    });
  }
  if (schema?.secrets === true) return [];
  return referencesIn(bound).filter(({ referent }) => referent.is === 'secret');
}

/** Whether a value of a JSON Schema, or a part of it, may hold secrets. */
export function holdsSecrets({ secrets, items, properties = {}, additionalProperties }: Schema): boolean {
  const inner = [items, additionalProperties, ...Object.values(properties)];
  return secrets === true || inner.some((each) => typeof each === 'object' && holdsSecrets(each as Schema));
}

/** Names of the secrets that a step's values hold. */
export function secretsOf(bound: Record<string, Bound>, params: JsonObject): string[] {
  const names = Object.values(bound)
    .flatMap(referencesIn)
    .flatMap((reference) =>
      reference.referent.is === 'secret' ? (secretNamed(reference, params) ?? []) : [],
    );
  return [...new Set(names)].sort();
}

/**
 * What a step gives the params of the pipeline that it uses: those of the type `secret` get names, and no others take
 * secrets.
 */
export function giveSecrets(
  { name, params }: UsedPipeline,
  bound: Record<string, Bound>,
  { path, values }: { path: Path; values: JsonObject },
  findings: Findings,
): Record<string, Bound> {
  const entries = Object.entries(bound).map(([param, value]): [string, Bound] => {
    const takes = params[param]?.type === 'secret';
    if (takes) findings.hide([...path, param]);
    if (takes && 'ref' in value && value.referent.is === 'secret') {
      const named = secretNamed(value, values);
      return [param, named === undefined ? value : { literal: named }];
    }
    const why = takes ? 'takes one secret, without a text around it' : 'is not of the type `secret`';
    for (const { ref, referent, path: at } of referencesIn(value)) {
      if (referent.is !== 'secret') continue;
      const message = `\`${ref.written}\` cannot stand here: \`${param}\` of \`${name}\` ${why}`;
      findings.inText(at, partOf(ref), message);
    }
    return [param, value];
  });
  return Object.fromEntries(entries);
}
