import type { StepContract } from '../language/contract/step.ts';

/** What is wrong with what the work of a step returned: it may be of a kind that no compiler has seen. */
export function madeFaults(made: unknown, { outputs }: Pick<StepContract, 'outputs'>): string[] {
  if (!isObject(made)) return ['it is no object with `files`, `facts` and `metrics`'];
  const { files, facts, metrics } = made;
  const maps = Object.entries({ files, facts, metrics });
  const faults = maps.flatMap(([key, value]) => (isObject(value) ? [] : [`\`${key}\` is no object`]));
  for (const [name, content] of entriesOf(files)) {
    const isContent = typeof content === 'string' || content instanceof Uint8Array;
    if (!isContent && !(isObject(content) && typeof content.digest === 'string'))
      faults.push(`the file ${name} is neither a path nor bytes, such as Buffer.from(text)`);
  }
  for (const [name, value] of entriesOf(metrics)) {
    if (outputs[name]?.port !== 'metric') faults.push(`its contract has no metric ${name}`);
    else if (!Number.isFinite(value))
      faults.push(`the metric ${name} is ${String(value)}, not a finite number`);
  }
  return faults;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entriesOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}
