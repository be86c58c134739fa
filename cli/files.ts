import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { PipelineSource } from '../activities/pipelines.ts';
import { planOf, readSource } from '../activities/reuse.ts';
import { shippedSource } from '../activities/shipped.ts';
import { uncheckedIn, usedShipped } from '../activities/usedPipelines.ts';
import { sha256 } from '../artifacts/canonical.ts';
import { F2cError } from '../errors/failure.ts';
import type { JsonObject } from '../language/json.ts';
import type { Selection } from '../language/selection.ts';

/** The pipeline that the command line names: a file, or a shipped pipeline by its name. F2C_FILE_UNREADABLE. */
export async function pipelineFile(pipeline: string): Promise<PipelineSource> {
  if (!isFile(pipeline)) return await shippedSource(pipeline);
  const text = await readTextFile(pipeline);
  return { text, file: pipeline, name: pipeline, digest: sha256(text) };
}

/**
 * Says what is wrong with a file or its params before any server is asked; what depends on pipelines that the file
 * uses and that do not ship must wait for the store.
 */
export async function refuseWrong(
  file: PipelineSource,
  wanted: { params: JsonObject; selection: Selection },
): Promise<void> {
  const pipelines = await usedShipped(file);
  if (uncheckedIn(pipelines).length > 0) readSource(file, pipelines);
  else planOf(file, { ...wanted, pipelines });
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
