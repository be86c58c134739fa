import { z } from 'zod';
import { artifactKinds, queues } from '../language/contract/step.ts';
import { durationMs } from '../language/grammar/duration.ts';
import { namePattern } from '../language/grammar/grammar.ts';
import { pipelineKind } from '../language/grammar/uses.ts';
import { nearest } from '../language/text/nearest.ts';

/** Names that mean something else where step kinds are named: in a `uses`, and to a worker. */
const taken = [pipelineKind, 'fingerprint'];

/** Those whose workers do the work of steps. */
const workQueues = queues.filter((queue) => queue !== 'control');

const kinds = `one of ${artifactKinds.map((kind) => `'${kind}'`).join(', ')}`;

/** For each key of a contract what its value must be, and whether it is. */
const rules: Record<string, { must: string; fits: (value: unknown) => boolean; optional?: true }> = {
  name: { must: 'be a name', fits: (value) => typeof value === 'string' && namePattern.test(value) },
  version: {
    must: 'be a whole number from 1',
    fits: (value) => Number.isInteger(value) && Number(value) >= 1,
  },
  summary: { must: 'be a text', fits: (value) => typeof value === 'string' && value !== '' },
  params: { must: 'be made by z.strictObject({ … })', fits: (value) => value instanceof z.ZodObject },
  inputs: { must: 'be an object, {} if it reads none', fits: isRecord },
  outputs: { must: 'be an object', fits: isRecord },
  queue: { must: `be ${workQueues.map((queue) => `'${queue}'`).join(' or ')}`, fits: isOneOf(workQueues) },
  timeout: { must: "be a duration such as '10m'", fits: isDuration },
  heartbeat: { must: "be a duration such as '30s'", fits: isDuration },
  fingerprint: flag(),
  effect: flag(),
  processes: flag(),
  resumable: flag(),
  faultOfProcesses: { must: 'be a function', fits: (value) => typeof value === 'function', optional: true },
};

/** What is wrong with something that should be a contract, each as the end of a sentence that has begun with its file. */
export function contractFaults(contract: Record<string, unknown>): string[] {
  const faults = Object.entries(rules).flatMap(([key, { must, fits, optional }]) => {
    const value = contract[key];
    if (value === undefined) return optional ? [] : [`\`${key}\` is missing; it must ${must}`];
    return fits(value) ? [] : [`\`${key}\` must ${must}`];
  });
  const unknown = Object.keys(contract).filter((key) => !Object.hasOwn(rules, key));
  faults.push(...unknown.map((key) => unknownKey(key)));
  if (taken.includes(String(contract.name)))
    faults.push(`\`name\` must not be ${contract.name}, which is taken`);
  // What is in them only matters once they are what they should be.
  return faults.length > 0 ? faults : portFaults(contract as unknown as Parts);
}

interface Parts {
  params: z.ZodObject;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
}

function portFaults({ params, inputs, outputs }: Parts): string[] {
  const faults: string[] = [];
  for (const [name, type] of Object.entries(params.shape)) {
    if (!(type instanceof z.ZodType))
      faults.push(`\`params.${name}\` must be a type of zod, such as z.number()`);
    if (Object.hasOwn(inputs, name)) faults.push(`\`${name}\` is both a param and an input`);
  }
  for (const [name, port] of Object.entries(inputs)) {
    if (!isArtifact(port))
      faults.push(
        `\`inputs.${name}\` must be artifact(KIND), optionalArtifact(KIND) or artifacts(KIND), KIND ${kinds}`,
      );
  }
  for (const [name, port] of Object.entries(outputs)) {
    if (!isMetric(port) && !(isArtifact(port) && !port.many && !port.optional))
      faults.push(`\`outputs.${name}\` must be artifact(KIND), KIND ${kinds}, or metric(UNIT)`);
  }
  const made = Object.values(outputs).filter((port) => !isMetric(port)).length;
  if (made !== 1)
    faults.push(
      `\`outputs\` must have exactly one artifact, such as report: artifact('report'), not ${made}`,
    );
  return faults;
}

function unknownKey(key: string): string {
  const meant = nearest(key, Object.keys(rules));
  return `\`${key}\` is not a known key${meant === undefined ? '' : `; did you mean \`${meant}\`?`}`;
}

function flag(): (typeof rules)[string] {
  return { must: 'be true or left out', fits: (value) => value === true, optional: true };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOneOf(values: readonly string[]): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && values.includes(value);
}

function isDuration(value: unknown): boolean {
  return typeof value === 'string' && durationMs(value) !== undefined;
}

function isArtifact(port: unknown): port is { many: unknown; optional: unknown } {
  return isRecord(port) && port.port === 'artifact' && isOneOf(artifactKinds)(port.artifact);
}

function isMetric(port: unknown): boolean {
  return isRecord(port) && port.port === 'metric' && typeof port.unit === 'string';
}
