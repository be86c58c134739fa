import { randomUUID } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../../artifacts/manifest.ts';
import { type Lease, takeOver } from '../../artifacts/trainings.ts';
import { F2cError } from '../../errors/failure.ts';
import type { JsonObject } from '../../language/text/json.ts';
import { reportedFailure } from '../python.ts';
import { implement, type StepContext, type StepInput } from '../step.ts';
import { commitCheckpoint, downloadCheckpoint } from './checkpoints.ts';
import { trainStep } from './contract.ts';
import { trainerThreads } from './device.ts';
import { type DoneEvent, eventsFile, followEvents, type StartEvent, type StepEvent } from './events.ts';
import { initialWeights } from './initial.ts';
import { startTrainer, type TrainerProcess } from './process.ts';
import { ShardSupply } from './shards.ts';
import { killIfStuck } from './watchdog.ts';

/** Trains on from the newest committed checkpoint, whichever attempt made it, and commits every new one. */
export const runTrain = implement(
  trainStep,
  async ({ index, initFrom, initWeights, select, ...params }, step) => {
    const folders = await layOut(index, step);
    const lease = await takeOver(step.store, step.key, randomUUID(), {
      replaces: step.replaces,
      by: step.place,
    });
    const { seconds: earlierSeconds } = lease.state;
    const resume = await downloadCheckpoint(lease, step);
    // A checkpoint has what came of them, and knows their digest.
    const initial = resume === null ? await initialWeights({ initFrom, initWeights }, step) : null;
    const { imageSize = null } = index.facts;
    const config = {
      ...params,
      ...folders,
      imageSize,
      work: step.workDir,
      initFrom: initial,
      resume,
      threads: trainerThreads(step.processes),
      controlled: true,
    };
    const configPath = join(step.workDir, 'config.json');
    await writeFile(configPath, JSON.stringify(config));

    step.signal.throwIfAborted();
    const trainer = startTrainer(configPath, step.processes, step.log);
    const [folder, window] = [folders.shards, params.shardWindow];
    const shards = new ShardSupply(index, { folder, window, onFailure: trainer.kill }, step);
    try {
      const { start, done } = await follow(trainer, lease, step);
      return { ...made({ ...params, select }, start, done, lease), earlierSeconds };
    } catch (error) {
      throw shards.failure ?? error;
    } finally {
      await trainer.kill();
      await shards.stop();
    }
  },
);

/** Puts the index's files where the trainer expects them, as links, and makes the folder for its shards. */
async function layOut(index: Manifest, step: StepContext): Promise<{ index: string; shards: string }> {
  const folders = { index: join(step.workDir, 'index'), shards: join(step.workDir, 'shards') };
  await mkdir(folders.index);
  await mkdir(folders.shards);
  for (const file of Object.keys(index.files)) {
    if (file.startsWith('shards/') || file.endsWith('.parquet')) continue;
    await symlink(await step.open(index, file), join(folders.index, file));
  }
  return folders;
}

/**
 * Follows the trainer to its end. When the attempt is to stop, the trainer is asked for a last checkpoint,
 * which is committed before the attempt gives up.
 */
async function follow(trainer: TrainerProcess, lease: Lease, step: StepContext) {
  const stop = () => void trainer.stop();
  step.signal.addEventListener('abort', stop, { once: true });
  const { seconds: secondsBefore, log } = lease.state;
  const eventsBefore = log[eventsFile]?.size ?? 0;
  const eventsPath = join(step.workDir, eventsFile);
  // A shard that has come is a sign as well: the trainer may wait for many of them.
  const stuck = killIfStuck(trainer, [eventsPath, join(step.workDir, 'shards')]);
  let start: StartEvent | undefined;
  let done: DoneEvent | undefined;
  let failure: F2cError | undefined;
  const tell = (done: number, note: string) =>
    step.progress({ done, total: start?.steps ?? done, unit: 'steps', note });
  try {
    for await (const event of followEvents(eventsPath, eventsBefore, trainer.exit)) {
      if (event.event === 'start') {
        start = event;
        const { processes, resumedFrom } = event;
        const { steps, identities, instances } = event;
        step.log.info(
          `trains steps ${event.step} to ${steps} on ${instances} images of ${identities} identities, processes: ${processes}`,
        );
        if (resumedFrom) step.log.warn({ processes, resumedFrom }, 'goes on, but not to the same bits');
        step.progress({ done: event.step, total: event.steps, unit: 'steps' });
      } else if (event.event === 'step') {
        tell(event.step, noteOf(event, start?.processes));
      } else if (event.event === 'validation') {
        const note = `accuracy ${event.accuracy.toFixed(4)} on the validation part`;
        step.log.info({ at: event.step }, note);
        tell(event.step, note);
      } else if (event.event === 'error') {
        failure = reportedFailure(event);
      } else {
        const seconds = secondsBefore + event.seconds;
        await commitCheckpoint(event, lease, { seconds, steps: start?.steps }, step);
        if (event.event === 'done') done = event;
      }
    }
  } finally {
    step.signal.removeEventListener('abort', stop);
  }
  step.signal.throwIfAborted();
  if (failure !== undefined) throw failure;
  trainer.logObituary();
  if (start !== undefined && done !== undefined) return { start, done };
  const silentMs = await stuck;
  if (silentMs === undefined) {
    throw new F2cError('F2C_TRAINER_DIED', {
      what: `The trainer ended with ${await trainer.exit} and did not say why`,
      where: trainer.lastWords(),
    });
  }
  throw new F2cError('F2C_TRAINER_STUCK', {
    what: `The trainer told nothing for ${Math.round(silentMs / 1000)} seconds and was killed`,
    fix: 'It goes on from its newest checkpoint; if it was only slow, give the worker a larger F2C_TRAINER_PATIENCE_SECONDS',
  });
}

function noteOf({ loss, imagesPerSecond, waitShare }: StepEvent, processes = 1): string {
  return [
    ...(loss === null ? [] : [`loss ${loss.toFixed(3)}`]),
    `${Math.round(imagesPerSecond)} images/s`,
    ...(processes === 1 ? [] : [`${processes} processes`]),
    ...(waitShare < 0.1 ? [] : [`${Math.round(100 * waitShare)} % of the time waiting for images`]),
  ].join(', ');
}

function made(
  params: Pick<StepInput<typeof trainStep>, 'head' | 'images' | 'select'>,
  start: StartEvent,
  done: DoneEvent,
  lease: Lease,
) {
  const { identities, instances, poolSlots, headBytes, parameters, threads, processes, steps } = start;
  const facts: JsonObject = {
    head: params.head,
    images: params.images,
    steps,
    identities,
    instances,
    poolSlots,
  };
  const { checkpoint, best, seconds, log } = lease.state;
  const { loss, bestStep, bestAccuracy } = done;
  const chosen = params.select === 'best' ? (best ?? checkpoint) : checkpoint;
  return {
    files: chosen?.files ?? {},
    facts: {
      ...facts,
      headBytes,
      parameters,
      threads,
      processes,
      ...(bestStep !== undefined && { bestStep }),
    },
    metrics: { ...(loss !== null && { loss }), ...(bestAccuracy !== undefined && { bestAccuracy }) },
    measured: { trainingSeconds: seconds },
    log,
  };
}
