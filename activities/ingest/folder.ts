import type { BigIntStats, Dirent } from 'node:fs';
import { open, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { F2cError } from '../../errors/failure.ts';
import { fileEntry, problemEntry, type Source, type SourceEntry, sourceChanged, Unusable } from './source.ts';

/** Stats in flight at a time. */
const batchSize = 256;

/** A local folder with one folder per identity. */
export function openFolderSource(root: string): Source {
  return {
    name: root,
    async *list(signal) {
      await checkFolder(root);
      yield* listFolder(root, '', signal);
    },
    read: (entry) => readFromFolder(root, entry),
  };
}

async function checkFolder(root: string): Promise<void> {
  const stats = await stat(root).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR') throw cause;
    throw new F2cError('F2C_SOURCE_MISSING', {
      what: `The source folder ${root} does not exist`,
      fix: 'Correct `source`; where workers run on several machines, each worker of the queue data needs the folder',
      cause,
    });
  });
  if (stats.isDirectory()) return;
  throw new F2cError('F2C_SOURCE_INVALID', {
    what: `The source ${root} is a file, not a folder`,
    fix: 'Name a folder that has one folder of images per identity',
  });
}

/** Entries below `path` ("" or "a/b/"), depth first. A folder without any entry is an entry itself. */
async function* listFolder(root: string, path: string, signal: AbortSignal): AsyncGenerator<SourceEntry> {
  let empty = true;
  for await (const batch of batches(join(root, path))) {
    signal.throwIfAborted();
    empty = false;
    if (typeof batch === 'string') {
      yield problemEntry(path, batch);
      return;
    }
    const stats = await Promise.all(batch.map(({ name }) => statOrProblem(join(root, path, name))));
    for (const [position, dirent] of batch.entries()) {
      yield* listEntry(root, path, dirent, stats[position] ?? 'it cannot be read', signal);
    }
  }
  if (empty && path !== '') yield problemEntry(path, 'the folder is empty');
}

/** What a folder holds, some at a time; or a text that says why it cannot be listed. */
async function* batches(folder: string): AsyncGenerator<Dirent[] | string> {
  let batch: Dirent[] = [];
  try {
    for await (const dirent of await opendir(folder)) {
      batch.push(dirent);
      if (batch.length < batchSize) continue;
      yield batch;
      batch = [];
    }
  } catch (error) {
    yield permissionProblem(error, 'folder');
  }
  if (batch.length > 0) yield batch;
}

async function* listEntry(
  root: string,
  path: string,
  dirent: Dirent,
  stats: BigIntStats | string,
  signal: AbortSignal,
): AsyncGenerator<SourceEntry> {
  const key = path + dirent.name;
  if (typeof stats === 'string') {
    yield problemEntry(key, stats);
  } else if (stats.isFile()) {
    yield fileEntry(key, Number(stats.size), stats.mtimeNs.toString());
  } else if (!stats.isDirectory()) {
    yield problemEntry(key, 'it is neither a file nor a folder');
  } else if (dirent.isSymbolicLink() && path !== '') {
    // Only the folder of an identity may be a link: links further down could lead round in a circle.
    yield problemEntry(key, 'a link to a folder is not followed inside the folder of an identity');
  } else {
    yield* listFolder(root, `${key}/`, signal);
  }
}

async function statOrProblem(file: string): Promise<BigIntStats | string> {
  // Node puts this character where a name is not UTF-8, and the file cannot be opened by such a name.
  if (file.includes('\uFFFD')) return 'its name is not UTF-8';
  try {
    return await stat(file, { bigint: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'it is gone, or a link to nothing';
    return permissionProblem(error, 'file');
  }
}

function permissionProblem(error: unknown, what: 'file' | 'folder'): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return `no permission to read the ${what}`;
  throw error;
}

async function readFromFolder(root: string, entry: SourceEntry): Promise<Buffer> {
  const handle = await open(join(root, entry.key)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw sourceChanged(root, entry, 'was removed');
    throw new Unusable(permissionProblem(error, 'file'));
  });
  try {
    const content = await handle.readFile();
    const { mtimeNs } = await handle.stat({ bigint: true });
    if (content.length !== entry.size || mtimeNs.toString() !== entry.version) {
      throw sourceChanged(root, entry, 'was changed');
    }
    return content;
  } finally {
    await handle.close();
  }
}
