import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { BlobRef, Manifest } from '../../artifacts/manifest.ts';
import type { ArtifactStore } from '../../artifacts/store.ts';
import { type Lease, takeOver } from '../../artifacts/trainings.ts';
import { F2cError } from '../../errors/failure.ts';
import type { JsonObject } from '../../language/json.ts';
import { reportedFailure } from '../python.ts';
import { implement, type StepContext, type StepInput } from '../step.ts';
import { trainStep } from './contract.ts';
import { trainerThreads } from './device.ts';
import { type DoneEvent, followEvents, type StartEvent } from './events.ts';
import { startTrainer, type TrainerProcess } from './process.ts';

const storePauseMs = 5_000;

/** Trains on from the newest committed checkpoint, whichever attempt made it, and commits every new one. */
export const runTrain = implement(trainStep, async ({ index, ...params }, step) => {
  const folders = await layOut(index, step);
  const lease = await takeOver(step.store, step.key, randomUUID());
  const resume = await downloadCheckpoint(lease, step);
  const { imageSize = null } = index.facts;
  const config = {
    ...params,
    ...folders,
    imageSize,
    work: step.workDir,
    resume,
    threads: trainerThreads,
    controlled: true,
  };
  const configPath = join(step.workDir, 'config.json');
  await writeFile(configPath, JSON.stringify(config));

  step.signal.throwIfAborted();
  const trainer = startTrainer(configPath, step.log);
  try {
    const { start, done } = await follow(trainer, lease, step);
    return made(params, start, done, lease);
  } finally {
    await trainer.kill();
  }
});

/** Puts the index's files and its shards where the trainer expects them; links, no copies. */
async function layOut(index: Manifest, step: StepContext): Promise<{ index: string; shards: string }> {
  const folders = { index: join(step.workDir, 'index'), shards: join(step.workDir, 'shards') };
  await mkdir(folders.index);
  await mkdir(folders.shards);
  for (const file of Object.keys(index.files)) {
    const folder = file.startsWith('shards/') ? folders.shards : folders.index;
    if (file.endsWith('.parquet')) continue;
    await symlink(await step.open(index, file), join(folder, basename(file)));
  }
  return folders;
}

async function downloadCheckpoint(lease: Lease, step: StepContext): Promise<string | null> {
  const { checkpoint } = lease.state;
  if (checkpoint === null) return null;
  const folder = join(step.workDir, 'resume');
  await mkdir(folder);
  for (const [name, blob] of Object.entries(checkpoint.files)) {
    await step.store.downloadBlob(blob, join(folder, name), { signal: step.signal });
  }
  step.log.info({ step: checkpoint.step }, 'resumes from a checkpoint');
  return folder;
}

/**
 * Follows the trainer to its end. When the attempt is to stop, the trainer is asked for a last checkpoint,
 * which is committed before the attempt gives up.
 */
async function follow(trainer: TrainerProcess, lease: Lease, step: StepContext) {
  const stop = () => void trainer.stop();
  step.signal.addEventListener('abort', stop, { once: true });
  const secondsBefore = lease.state.seconds;
  let start: StartEvent | undefined;
  let done: DoneEvent | undefined;
  let failure: F2cError | undefined;
  try {
    for await (const event of followEvents(join(step.workDir, 'events.jsonl'), trainer.exit)) {
      if (event.event === 'start') {
        start = event;
        step.progress({ done: event.step, total: event.steps, unit: 'steps' });
      } else if (event.event === 'step') {
        const note = `loss ${event.loss.toFixed(3)}, ${Math.round(event.imagesPerSecond)} images/s`;
        step.progress({ done: event.step, total: start?.steps ?? event.step, unit: 'steps', note });
      } else if (event.event === 'error') {
        failure = reportedFailure(event);
      } else {
        await commitCheckpoint(event, lease, secondsBefore + event.seconds, step);
        await rm(event.path, { recursive: true });
        if (event.event === 'done') done = event;
      }
    }
  } finally {
    step.signal.removeEventListener('abort', stop);
  }
  step.signal.throwIfAborted();
  if (failure !== undefined) throw failure;
  if (start === undefined || done === undefined) {
    throw new F2cError('F2C_TRAINER_DIED', {
      what: `The trainer ended with ${await trainer.exit} and did not say why`,
      where: trainer.lastWords(),
    });
  }
  return { start, done };
}

/** Uploads a checkpoint and commits it. While the store is away it waits, and the trainer goes on meanwhile. */
async function commitCheckpoint(
  event: { step: number; path: string },
  lease: Lease,
  seconds: number,
  step: StepContext,
): Promise<void> {
  for (;;) {
    try {
      const files = await uploadFolder(step.store, event.path);
      return await lease.commit({ step: event.step, files }, seconds);
    } catch (error) {
      const away = error instanceof F2cError && error.code === 'F2C_STORE_UNREACHABLE';
      if (!away || step.signal.aborted) throw error;
      step.log.warn({ err: error, step: event.step }, 'a checkpoint waits for the store');
      await wait(storePauseMs, undefined, { signal: step.signal }).catch(() => {});
    }
  }
}

async function uploadFolder(store: ArtifactStore, folder: string): Promise<Record<string, BlobRef>> {
  const files: Record<string, BlobRef> = {};
  for (const name of (await readdir(folder)).sort())
    files[name] = await store.putBlob({ path: join(folder, name) });
  return files;
}

function made(
  params: Omit<StepInput<typeof trainStep>, 'index'>,
  start: StartEvent,
  done: DoneEvent,
  lease: Lease,
) {
  const { identities, instances, poolSlots, headBytes, parameters, threads, steps } = start;
  const facts: JsonObject = {
    head: params.head,
    images: params.images,
    steps,
    identities,
    instances,
    poolSlots,
  };
  return {
    files: lease.state.checkpoint?.files ?? {},
    facts: { ...facts, headBytes, parameters, threads },
    metrics: done.loss === null ? {} : { loss: done.loss },
    measured: { trainingSeconds: lease.state.seconds },
  };
}
