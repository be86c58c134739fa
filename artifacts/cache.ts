import { chmod, link, mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { F2cError } from '../errors/failure.ts';
import type { BlobRef } from './manifest.ts';
import type { ArtifactStore } from './store.ts';

/** Time of change that verified copies are given, in seconds: whoever writes to one breaks this seal. */
const seal = 1_000_000_000;

/** A download that has written nothing for so long belongs to a process that was killed. */
const abandonedMs = 3_600_000;

/** What the system says where files cannot be made, or not be linked from elsewhere. */
const unusable = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'EXDEV']);

interface Download {
  done: Promise<void>;
  waiting: number;
  controller: AbortController;
}

/**
 * Local, verified, read-only copies of blobs by their digest. Requests for the same blob share one download;
 * processes may share the folder, because a copy appears by renaming a complete file.
 *
 * Whoever uses a blob has a hard link of his own to the copy, so that none can be taken from under him, by any
 * process of the host. Before a download, the copies that nobody links to are removed, least recently used first,
 * until all take `limit` bytes at most. What is in use stays, whatever it takes.
 */
export class BlobCache {
  readonly dir: string;
  readonly limit: number;
  private readonly downloads = new Map<string, Download>();
  /** Digests that somebody here waits for, each as often as that. */
  private readonly asked: string[] = [];
  /** Bytes of the downloads under way. */
  private coming = 0;
  /** Resolves when the last one that makes room has done so. */
  private room: Promise<void> = Promise.resolve();

  constructor(dir: string, limit: number) {
    this.dir = dir;
    this.limit = limit;
  }

  /**
   * Makes `path` a link to the local copy, which is downloaded unless it is there untouched. F2C_BLOB_MISSING,
   * F2C_BLOB_CORRUPT, F2C_DISK_FULL, F2C_CACHE_UNUSABLE. When `signal` is aborted the caller stops waiting, and the
   * last one ends the download.
   */
  async link(blob: BlobRef, store: ArtifactStore, path: string, signal?: AbortSignal): Promise<void> {
    const copy = join(this.dir, blob.digest.slice(0, 2), blob.digest);
    this.asked.push(blob.digest);
    try {
      for (;;) {
        const untouched = await isUntouched(copy, blob);
        signal?.throwIfAborted();
        if (!untouched) await this.shareDownload(blob, store, copy, signal);
        if (await linked(copy, path)) return;
      }
    } catch (error) {
      throw cacheFailure(error, this.dir);
    } finally {
      this.asked.splice(this.asked.indexOf(blob.digest), 1);
    }
  }

  private async shareDownload(
    blob: BlobRef,
    store: ArtifactStore,
    copy: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const download = this.downloads.get(blob.digest) ?? this.startDownload(blob, store, copy);
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

  private startDownload(blob: BlobRef, store: ArtifactStore, copy: string): Download {
    const controller = new AbortController();
    const done = this.download(blob, store, copy, controller.signal);
    const download = { done, waiting: 0, controller };
    this.downloads.set(blob.digest, download);
    return download;
  }

  private forget(blob: BlobRef, download: Download): void {
    if (this.downloads.get(blob.digest) === download) this.downloads.delete(blob.digest);
  }

  private async download(
    blob: BlobRef,
    store: ArtifactStore,
    copy: string,
    signal: AbortSignal,
  ): Promise<void> {
    this.coming += blob.size;
    try {
      // One after the other, or two would count on the same copies to go.
      this.room = this.room.catch(() => {}).then(() => this.makeRoom());
      await this.room;
      await store.downloadBlob(blob, copy, { signal });
      await chmod(copy, 0o444);
      await utimes(copy, seal, seal);
    } finally {
      this.coming -= blob.size;
    }
  }

  /** Removes what was used least recently until all copies and those that are coming fit the limit. */
  private async makeRoom(): Promise<void> {
    const copies = await copiesIn(this.dir);
    let excess = copies.reduce((sum, { size }) => sum + size, this.coming) - this.limit;
    for (const { path, digest, size, links } of copies.sort((one, other) => one.usedMs - other.usedMs)) {
      if (excess <= 0) return;
      if (links > 1 || this.asked.includes(digest)) continue;
      await rm(path, { force: true });
      excess -= size;
    }
  }
}

interface Copy {
  path: string;
  digest: string;
  size: number;
  /** Those of users and the cache's own. */
  links: number;
  /** When a link to it was last made or removed, which is what changes a file's ctime. */
  usedMs: number;
}

/** Bytes that the copies in a cache's folder take. */
export async function bytesIn(dir: string): Promise<number> {
  return (await copiesIn(dir)).reduce((sum, { size }) => sum + size, 0);
}

/** All complete copies in the folder. Downloads that were abandoned are removed on the way. */
async function copiesIn(dir: string): Promise<Copy[]> {
  await mkdir(dir, { recursive: true });
  const copies: Copy[] = [];
  const look = async (folder: string, digest: string) => {
    const path = join(folder, digest);
    const found = await foundAt(path);
    if (found === undefined) return;
    const { size, nlink: links, ctimeMs: usedMs, mtimeMs } = found;
    if (!digest.endsWith('.part')) copies.push({ path, digest, size, links, usedMs });
    else if (mtimeMs < Date.now() - abandonedMs) await rm(path, { force: true });
  };
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const folder = join(dir, entry.name);
    await Promise.all((await readdir(folder)).map((digest) => look(folder, digest)));
  }
  return copies;
}

function foundAt(path: string) {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

async function isUntouched(copy: string, blob: BlobRef): Promise<boolean> {
  const found = await foundAt(copy);
  return found !== undefined && found.size === blob.size && found.mtimeMs === seal * 1000;
}

/** Links `path` to the copy; false if that has just been removed to make room for another. */
async function linked(copy: string, path: string): Promise<boolean> {
  try {
    await link(copy, path);
    return true;
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT' && (await foundAt(copy)) === undefined;
    if (!gone) throw error;
    return false;
  }
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

function cacheFailure(error: unknown, dir: string): unknown {
  const { code = '', syscall, path } = error as NodeJS.ErrnoException;
  if (!unusable.has(code) || path === undefined) return error;
  return new F2cError('F2C_CACHE_UNUSABLE', {
    what: `The cache of downloaded files cannot be used: ${syscall} ${path} fails with ${code}`,
    where: dir,
    fix: 'It must be a folder that the worker may write to, on the same file system as `scratch` beside it',
    cause: error,
  });
}
