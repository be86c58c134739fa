import { accessSync, constants } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where the embedded stack keeps its data, logs and addresses. */
export function homeFolder(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env.F2C_HOME || join(root, '.f2c'));
}

/** The Python that has the trainer's packages. */
export function pythonPath(env: NodeJS.ProcessEnv = process.env): string {
  return env.F2C_PYTHON || join(root, '.venv', 'bin', 'python');
}

/** A server's program: the one set up here, else the one on PATH. */
export function findBinary(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = [join(root, '.venv', 'bin'), ...(env.PATH ?? '').split(delimiter)];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
