import { existsSync, readdirSync, statSync } from 'node:fs';
import { register } from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { F2cError } from '../errors/failure.ts';

/** Where a step kind's files are. */
export interface StepFolder {
  readonly path: string;
  /** It is in the folder of F2C_STEPS. */
  readonly isOwn: boolean;
}

const shippedFolder = dirname(fileURLToPath(import.meta.url));
const contractFile = 'contract.ts';
const activityFile = 'activity.ts';

/** The folder of every step kind by its name: those beside this file, and those of F2C_STEPS. F2C_CONFIG_INVALID. */
export function stepFolders(ownSteps: string | undefined): Map<string, StepFolder> {
  const folders = new Map(
    foldersIn(shippedFolder).map((name) => [name, { path: join(shippedFolder, name), isOwn: false }]),
  );
  if (ownSteps === undefined || ownSteps === '') return folders;
  refuseWrong(ownSteps);
  for (const name of foldersIn(ownSteps)) {
    if (folders.has(name)) throw invalid(ownSteps, `has a step kind ${name}, which is shipped already`);
    folders.set(name, { path: join(ownSteps, name), isOwn: true });
  }
  const data = { folder: pathToFileURL(join(ownSteps, '/')).href, here: import.meta.url };
  register('./ownStepHooks.mjs', { parentURL: import.meta.url, data });
  return folders;
}

/** What a file of a step kind's folder exports. F2C_CONFIG_INVALID where it is not the product's own. */
export async function exportsOf(file: 'contract.ts' | 'activity.ts', folder: StepFolder): Promise<unknown[]> {
  const path = join(folder.path, file);
  try {
    return Object.values(await import(pathToFileURL(path).href));
  } catch (error) {
    throw folder.isOwn ? unloadable(path, error) : error;
  }
}

/** A mistake in a file of a step kind, or at a line of it. */
export function mistake(file: string, what: string, where?: string): F2cError {
  return new F2cError('F2C_CONFIG_INVALID', {
    what: `${file} ${what}`,
    where,
    fix: 'Correct it: docs/own-steps.md shows a step kind that works, made of what "f2c/step" exports',
  });
}

/** Names of the folders with a contract. */
function foldersIn(root: string): string[] {
  return readdirSync(root).filter((name) => existsSync(join(root, name, contractFile)));
}

function refuseWrong(ownSteps: string): void {
  // Workers do not run in the folder of whoever starts them.
  if (!isAbsolute(ownSteps)) throw invalid(ownSteps, 'is not an absolute path');
  if (!existsSync(ownSteps)) throw invalid(ownSteps, 'does not exist');
  if (!statSync(ownSteps).isDirectory()) throw invalid(ownSteps, 'is not a folder');
  if (existsSync(join(ownSteps, contractFile)))
    throw invalid(
      ownSteps,
      `has a ${contractFile} itself, which belongs into a folder named as the step kind`,
    );
  for (const name of readdirSync(ownSteps)) {
    const has = (file: string) => existsSync(join(ownSteps, name, file));
    if (has(activityFile) && !has(contractFile))
      throw invalid(ownSteps, `has a folder ${name} with ${activityFile} and without ${contractFile}`);
    if (has(contractFile) && !has(activityFile))
      throw invalid(ownSteps, `has a folder ${name} with ${contractFile} and without ${activityFile}`);
  }
  if (foldersIn(ownSteps).length === 0) throw invalid(ownSteps, 'holds no step kind');
}

function invalid(ownSteps: string, what: string): F2cError {
  return new F2cError('F2C_CONFIG_INVALID', {
    what: `The folder of F2C_STEPS, ${ownSteps}, ${what}`,
    fix: `Give a folder of step kinds, each a folder with ${contractFile} and ${activityFile}, or leave it out`,
  });
}

/** What Node, the compiler or the file itself says, and the line of the user's that it is about. */
function unloadable(path: string, error: unknown): F2cError {
  const { message, stack = '' } = error instanceof Error ? error : { message: String(error) };
  const place = placeIn(`${message}\n${stack}`);
  const said = message
    .replace(/^Transform failed.*\n/, '')
    .replace(`${place}: ERROR: `, '')
    .replaceAll('\n', ' ');
  const isHere = place?.startsWith(`${path}:`);
  return mistake(isHere ? `${place}` : path, `cannot be loaded: ${said}`, isHere ? undefined : place);
}

/** The first place in a text that is in no package and not here: "/steps/wait/contract.ts:3:7". */
function placeIn(text: string): string | undefined {
  const places = [...text.matchAll(/(?:file:\/\/)?(\/[^\n:()]+\.[a-z]+:\d+(?::\d+)?)/g)].map(
    ([, place = '']) => place,
  );
  return places.find((place) => !place.includes('/node_modules/') && !place.startsWith(`${shippedFolder}/`));
}
