import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { PipelineSource } from '../activities/pipelines.ts';
import { shippedSource } from '../activities/shipped.ts';
import { sha256 } from '../artifacts/canonical.ts';
import { F2cError } from '../errors/failure.ts';

/** Control characters but those that YAML takes. */
const unprintable = /[^\P{Cc}\t\n\r\u0085]/u;

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
    return textOf(await readFile(path), path);
  } catch (error) {
    if (error instanceof F2cError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const known: Record<string, string> = { ENOENT: 'The file does not exist', EISDIR: 'This is a folder' };
    const what = known[code ?? ''] ?? `The file cannot be read: ${code}`;
    throw new F2cError('F2C_FILE_UNREADABLE', {
      what,
      where: path,
      fix: 'Name a pipeline file, or a shipped pipeline such as quickstart',
      cause: error,
    });
  }
}

/** What is no text must not come to a terminal as part of a message about it. */
function textOf(bytes: Buffer, path: string): string {
  const text = bytes.toString('utf8');
  if (isUtf8(bytes) && !unprintable.test(text)) return text;
  throw new F2cError('F2C_FILE_UNREADABLE', {
    what: 'The file is no text in UTF-8',
    where: path,
    fix: 'Name a pipeline file, or save it as UTF-8',
  });
}
