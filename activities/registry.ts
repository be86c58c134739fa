import { existsSync, readdirSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { F2cError } from '../errors/failure.ts';
import type { StepContract, StepRegistry } from '../language/contract/step.ts';
import type { StepImplementation } from './step.ts';

/** The folder of every step kind: those beside this file, and the user's own in F2C_STEPS. F2C_CONFIG_INVALID. */
const folders = foldersIn(dirname(fileURLToPath(import.meta.url)));
const ownSteps = process.env.F2C_STEPS;
if (ownSteps !== undefined && ownSteps !== '') {
  for (const [name, folder] of foldersIn(ownSteps)) {
    if (folders.has(name)) throw invalid(`has a step kind ${name}, which is shipped already`);
    folders.set(name, folder);
  }
}

/** Every step kind by name: a folder with a `contract.ts` is one. */
export const contracts: StepRegistry = Object.fromEntries(
  await Promise.all(
    [...folders.keys()].sort().map(async (name) => {
      const isContract = (value: StepContract) => value?.name === name;
      return [name, await exported('contract.ts', name, isContract)] as const;
    }),
  ),
);

/** Loads a step's work only when it is needed: image, database and inference libraries are heavy. */
export function loadImplementation(name: string): Promise<StepImplementation> {
  const isImplementation = ({ contract }: StepImplementation) => contract?.name === name;
  const loaded = implementations.get(name) ?? exported('activity.ts', name, isImplementation);
  implementations.set(name, loaded);
  return loaded;
}

/** Node finds a module anew at every import, which takes longer than a small step. */
const implementations = new Map<string, Promise<StepImplementation>>();

/** Where the source of a step kind is. */
export function folderOf(name: string): string {
  const folder = folders.get(name);
  if (folder === undefined) throw new Error(`no step kind is named ${name}`);
  return folder;
}

function foldersIn(root: string): Map<string, string> {
  // Workers do not run in the folder of whoever starts them.
  if (!isAbsolute(root)) throw invalid('is not an absolute path');
  if (!existsSync(root)) throw invalid('does not exist');
  const paths = readdirSync(root).map((name) => [name, join(root, name)] as const);
  return new Map(paths.filter(([, folder]) => existsSync(join(folder, 'contract.ts'))));
}

/** What a file of a step kind's folder exports. */
async function exported<T>(file: string, name: string, isWanted: (value: T) => boolean): Promise<T> {
  const path = join(folderOf(name), file);
  const module: Record<string, T> = await import(pathToFileURL(path).href);
  const found = Object.values(module).find(isWanted);
  if (found !== undefined) return found;
  throw new F2cError('F2C_CONFIG_INVALID', {
    what: `${path} exports no step kind named ${name}`,
    fix: 'Name the step kind as its folder',
  });
}

function invalid(what: string): F2cError {
  return new F2cError('F2C_CONFIG_INVALID', {
    what: `The folder of F2C_STEPS, ${ownSteps}, ${what}`,
    fix: 'Give a folder of step kinds, each a folder with contract.ts and activity.ts, or leave it out',
  });
}
