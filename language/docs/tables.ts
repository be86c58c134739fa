import { z } from 'zod';
import { holdsSecrets } from '../checking/secrets.ts';
import type { StepContract } from '../contract/step.ts';

export type Schema = z.core.JSONSchema.BaseSchema;

/** Of keys that must be there. */
const required = 'required';

const heading = ['| Key | Value | Default | |', '| --- | --- | --- | --- |'];

const effects =
  'It has effects, so every run does it anew, also a run that resumes another one, but each of its instances once in a run.';

/** A step kind with its inputs, params and outputs. */
export function stepKind({ name, summary, inputs, params, outputs, effect }: StepContract): string[] {
  const ports = Object.entries(inputs).map(([input, { artifact, many, optional }]) => {
    const kind = many ? `list of ${artifact}` : artifact;
    return `| \`${input}\` | ${kind} | ${optional ? 'none' : required} | |`;
  });
  const made = Object.entries(outputs).map(([output, port]) =>
    port.port === 'metric' ? `\`${output}\` (${port.unit})` : `\`${output}\` (artifact)`,
  );
  const rows = rowsOf(z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }));
  const told = effect ? `${summary} ${effects}` : summary;
  return [`### ${name}`, told, [...heading, ...ports, ...rows].join('\n'), `Outputs: ${made.join(', ')}.`];
}

/** The keys of a schema as a Markdown table. */
export function table(schema: Schema): string {
  return [...heading, ...rowsOf(schema)].join('\n');
}

function rowsOf({ properties = {}, required: needed = [] }: Schema): string[] {
  return Object.entries(properties).map(([key, property]) => {
    const { description = '', default: value } = property as Schema;
    const isNeeded = needed.includes(key) ? required : '';
    const byDefault = value === undefined ? isNeeded : `\`${JSON.stringify(value)}\``;
    const told = holdsSecrets(property as Schema) ? `${description}; may hold secrets` : description;
    return `| \`${key}\` | ${cell(valueWord(property as Schema))} | ${byDefault} | ${cell(told)} |`;
  });
}

function valueWord(schema: Schema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.pattern?.includes('[smhd]')) return 'duration';
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined)
    return [...new Set(branches.map((branch) => valueWord(branch as Schema)))].join(' or ');
  if (schema.type === 'array') return `list of ${valueWord((schema.items ?? {}) as Schema)}`;
  const words: Record<string, string> = { integer: 'whole number', boolean: 'true or false', object: 'map' };
  return words[String(schema.type)] ?? String(schema.type ?? 'any value');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
