import { readdirSync } from 'node:fs';
import type { StepContract, StepRegistry } from '../language/step.ts';
import type { StepImplementation } from './step.ts';

const folders = readdirSync(new URL('.', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort();

/** Every step kind, read off the folders beside this file: a folder with a `contract.ts` is a step kind. */
export const contracts: StepRegistry = Object.fromEntries(
  await Promise.all(
    folders.map(async (name) => {
      const module: Record<string, StepContract> = await import(`./${name}/contract.ts`);
      const contract = Object.values(module).find((value) => value.name === name);
      if (contract === undefined)
        throw new Error(`activities/${name}/contract.ts exports no contract named ${name}`);
      return [name, contract] as const;
    }),
  ),
);

/** Loads a step's work only when it is needed: image, database and inference libraries are heavy. */
export async function loadImplementation(name: string): Promise<StepImplementation> {
  if (!Object.hasOwn(contracts, name)) throw new Error(`no step kind is named ${name}`);
  const module: Record<string, StepImplementation> = await import(`./${name}/activity.ts`);
  const implementation = Object.values(module).find((value) => value.contract?.name === name);
  if (implementation === undefined) throw new Error(`activities/${name}/activity.ts implements no ${name}`);
  return implementation;
}
