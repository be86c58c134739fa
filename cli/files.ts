import { readFile } from 'node:fs/promises';
import { F2cError } from '../errors/failure.ts';

/** The text of a file that the command line names. */
export async function readTextFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'The file does not exist' : `The file cannot be read: ${code}`;
    throw new F2cError('F2C_FILE_UNREADABLE', {
      what,
      where: path,
      fix: 'Name a pipeline file',
      cause: error,
    });
  }
}
