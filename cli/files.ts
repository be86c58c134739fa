import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { PipelineSource } from '../activities/pipelines.ts';
import { shippedSource } from '../activities/shipped.ts';
import { sha256 } from '../artifacts/canonical.ts';
import { F2cError } from '../errors/failure.ts';

/** The pipeline that the command line names: a file, or a shipped pipeline by its name. F2C_FILE_UNREADABLE. */
export async function pipelineFile(pipeline: string): Promise<PipelineSource> {
  if (!isFile(pipeline)) return await shippedSource(pipeline);
  const text = await readTextFile(pipeline);
  return { text, file: pipeline, name: pipeline, digest: sha256(text) };
}

/** Whether the command line names a file; else it is the name of a pipeline. */
export function isFile(pipeline: string): boolean {
  return extname(pipeline) !== '' || /[/\\]/.test(pipeline);
}

async function readTextFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'The file does not exist' : `The file cannot be read: ${code}`;
    throw new F2cError('F2C_FILE_UNREADABLE', {
      what,
      where: path,
      fix: 'Name a pipeline file, or a shipped pipeline such as quickstart',
      cause: error,
    });
  }
}
