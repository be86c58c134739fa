import { chmod, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobRef } from './manifest.ts';
import type { ArtifactStore } from './store.ts';

/** Time of change that verified copies are given, in seconds: whoever writes to one breaks this seal. */
const seal = 1_000_000_000;

interface Download {
  done: Promise<void>;
  waiting: number;
  controller: AbortController;
}

/**
 * Local, verified, read-only copies of blobs by their digest. Requests for the same blob share one download;
 * processes may share the folder, because a copy appears by renaming a complete file.
 */
export class BlobCache {
  readonly dir: string;
  private readonly downloads = new Map<string, Download>();

  constructor(dir: string) {
    this.dir = dir;
  }

  /**
   * Path of the local copy, downloaded unless it is there untouched. F2C_BLOB_MISSING, F2C_BLOB_CORRUPT,
   * F2C_DISK_FULL. When `signal` is aborted the caller stops waiting, and the last one ends the download.
   */
  async path(blob: BlobRef, store: ArtifactStore, signal?: AbortSignal): Promise<string> {
    const path = join(this.dir, blob.digest.slice(0, 2), blob.digest);
    const untouched = await isUntouched(path, blob);
    signal?.throwIfAborted();
    if (!untouched) await this.shareDownload(blob, store, path, signal);
    return path;
  }

  private async shareDownload(
    blob: BlobRef,
    store: ArtifactStore,
    path: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const download = this.downloads.get(blob.digest) ?? this.startDownload(blob, store, path);
    download.waiting++;
    try {
      await (signal === undefined ? download.done : unlessAborted(download.done, signal));
    } finally {
      download.waiting--;
      if (download.waiting === 0) {
        this.forget(blob, download);
        download.controller.abort();
      }
    }
  }

  private startDownload(blob: BlobRef, store: ArtifactStore, path: string): Download {
    const controller = new AbortController();
    const done = downloadAndSeal(blob, store, path, controller.signal);
    const download = { done, waiting: 0, controller };
    this.downloads.set(blob.digest, download);
    return download;
  }

  private forget(blob: BlobRef, download: Download): void {
    if (this.downloads.get(blob.digest) === download) this.downloads.delete(blob.digest);
  }
}

async function isUntouched(path: string, blob: BlobRef): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return found !== undefined && found.size === blob.size && found.mtimeMs === seal * 1000;
}

async function downloadAndSeal(
  blob: BlobRef,
  store: ArtifactStore,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await store.downloadBlob(blob, path, { signal });
  await chmod(path, 0o444);
  await utimes(path, seal, seal);
}

/** The promise, or the abort, whichever comes first. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
