import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BlobRef } from '../../artifacts/manifest.ts';
import type { Lease } from '../../artifacts/trainings.ts';
import { F2cError } from '../../errors/failure.ts';
import type { StepContext } from '../step.ts';
import { type CheckpointEvent, eventsFile } from './events.ts';

const storePauseMs = 5_000;

/** The folder to resume from, if there is a checkpoint; its log is put where the trainer goes on writing it. */
export async function downloadCheckpoint(lease: Lease, step: StepContext): Promise<string | null> {
  const { checkpoint, log } = lease.state;
  if (checkpoint === null) return null;
  const folder = join(step.workDir, 'resume');
  await mkdir(folder);
  const download = (blob: BlobRef, path: string) =>
    step.store.downloadBlob(blob, path, { signal: step.signal });
  for (const [name, blob] of Object.entries(checkpoint.files)) await download(blob, join(folder, name));
  for (const [name, blob] of Object.entries(log)) await download(blob, join(step.workDir, name));
  step.log.info({ at: checkpoint.step }, 'resumes from a checkpoint');
  return folder;
}

/**
 * Uploads a checkpoint and the log so far, commits both, and removes the folder: that makes room for the next one.
 * While the store is away it waits, and the trainer goes on meanwhile.
 */
export async function commitCheckpoint(
  event: CheckpointEvent,
  lease: Lease,
  { seconds, steps }: { seconds: number; steps: number | undefined },
  step: StepContext,
): Promise<void> {
  for (;;) {
    try {
      const checkpoint = { step: event.step, files: await uploadFolder(event.path, step) };
      const isBest = event.bestStep === event.step;
      await lease.commit(checkpoint, seconds, { isBest, log: await uploadLog(step), steps });
      step.log.info({ at: event.step }, 'a checkpoint is stored');
      return await rm(event.path, { recursive: true });
    } catch (error) {
      const away = error instanceof F2cError && error.code === 'F2C_STORE_UNREACHABLE';
      if (!away || step.signal.aborted) throw error;
      step.log.warn({ err: error, at: event.step }, 'a checkpoint waits for the store');
      await wait(storePauseMs, undefined, { signal: step.signal }).catch(() => {});
    }
  }
}

async function uploadFolder(folder: string, { store }: StepContext): Promise<Record<string, BlobRef>> {
  const files: Record<string, BlobRef> = {};
  for (const name of (await readdir(folder)).sort())
    files[name] = await store.putBlob({ path: join(folder, name) });
  return files;
}

/** The trainer's events and TensorBoard files. It goes on writing them, so what is there now is read first. */
async function uploadLog({ store, workDir }: StepContext): Promise<Record<string, BlobRef>> {
  const log: Record<string, BlobRef> = {};
  const curves = (await readdir(join(workDir, 'tensorboard'))).sort();
  for (const name of [eventsFile, ...curves.map((file) => `tensorboard/${file}`)])
    log[name] = await store.putBlob(await readFile(join(workDir, name)));
  return log;
}
