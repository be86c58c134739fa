import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { F2cError } from '../errors/failure.ts';
import type { BlobRef, Manifest } from './manifest.ts';
import { forEachParallel } from './parallel.ts';
import type { ArtifactStore } from './store.ts';

/** The files of an artifact as they are exported: its own, and its log in a folder of that name. */
export function exportedFiles({ files, log = {} }: Manifest): Record<string, BlobRef> {
  const logged = Object.entries(log).map(([path, blob]) => [`log/${path}`, blob]);
  return { ...files, ...Object.fromEntries(logged) };
}

/**
 * Writes all files of an artifact, verified, into a folder that is new or empty; the folder appears complete
 * or not at all. F2C_FILE_UNREADABLE, F2C_FOLDER_NOT_EMPTY, F2C_BLOB_MISSING, F2C_BLOB_CORRUPT, F2C_DISK_FULL.
 */
export async function exportArtifact(
  store: ArtifactStore,
  manifest: Manifest,
  folder: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const target = resolve(folder);
  await refuseUnlessFree(target);
  const partial = `${target}.${randomUUID()}.part`;
  try {
    await mkdir(partial, { recursive: true });
    await forEachParallel(Object.entries(exportedFiles(manifest)), 4, ([path, blob]) =>
      store.downloadBlob(blob, join(partial, path), { signal }),
    );
    // Renaming onto an empty folder is allowed, onto anything else it fails.
    await rename(partial, target);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function refuseUnlessFree(target: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return;
    throw new F2cError('F2C_FILE_UNREADABLE', {
      what: code === 'ENOTDIR' ? 'The export folder is a file' : `The export folder cannot be read: ${code}`,
      where: target,
      fix: 'Name another folder',
      cause: error,
    });
  }
  if (names.length === 0) return;
  throw new F2cError('F2C_FOLDER_NOT_EMPTY', {
    what: 'The export folder is not empty',
    where: target,
    fix: 'Name a new or an empty folder',
  });
}
