import { randomUUID } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Manifest } from '../../artifacts/manifest.ts';
import { type Lease, takeOver } from '../../artifacts/trainings.ts';
import { F2cError } from '../../errors/failure.ts';
import type { JsonObject } from '../../language/json.ts';
import { reportedFailure } from '../python.ts';
import { implement, type StepContext, type StepInput } from '../step.ts';
import { commitCheckpoint, downloadCheckpoint } from './checkpoints.ts';
import { trainStep } from './contract.ts';
import { trainerThreads } from './device.ts';
import { type DoneEvent, eventsFile, followEvents, type StartEvent, type StepEvent } from './events.ts';
import { initialWeights } from './initial.ts';
import { startTrainer, type TrainerProcess } from './process.ts';

/** Trains on from the newest committed checkpoint, whichever attempt made it, and commits every new one. */
export const runTrain = implement(
  trainStep,
  async ({ index, initFrom, initWeights, select, ...params }, step) => {
    const folders = await layOut(index, step);
    const lease = await takeOver(step.store, step.key, randomUUID());
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
      threads: trainerThreads,
      controlled: true,
    };
    const configPath = join(step.workDir, 'config.json');
    await writeFile(configPath, JSON.stringify(config));

    step.signal.throwIfAborted();
    const trainer = startTrainer(configPath, step.log);
    try {
      const { start, done } = await follow(trainer, lease, step);
      return made({ ...params, select }, start, done, lease);
    } finally {
      await trainer.kill();
    }
  },
);

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

/**
 * Follows the trainer to its end. When the attempt is to stop, the trainer is asked for a last checkpoint,
 * which is committed before the attempt gives up.
 */
async function follow(trainer: TrainerProcess, lease: Lease, step: StepContext) {
  const stop = () => void trainer.stop();
  step.signal.addEventListener('abort', stop, { once: true });
  const { seconds: secondsBefore, log } = lease.state;
  const eventsBefore = log[eventsFile]?.size ?? 0;
  let start: StartEvent | undefined;
  let done: DoneEvent | undefined;
  let failure: F2cError | undefined;
  const tell = (done: number, note: string) =>
    step.progress({ done, total: start?.steps ?? done, unit: 'steps', note });
  try {
    for await (const event of followEvents(join(step.workDir, eventsFile), eventsBefore, trainer.exit)) {
      if (event.event === 'start') {
        start = event;
        step.progress({ done: event.step, total: event.steps, unit: 'steps' });
      } else if (event.event === 'step') {
        tell(event.step, noteOf(event));
      } else if (event.event === 'validation') {
        tell(event.step, `accuracy ${event.accuracy.toFixed(4)} on the validation part`);
      } else if (event.event === 'error') {
        failure = reportedFailure(event);
      } else {
        await commitCheckpoint(event, lease, secondsBefore + event.seconds, step);
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

function noteOf({ loss, imagesPerSecond, waitShare }: StepEvent): string {
  return [
    ...(loss === null ? [] : [`loss ${loss.toFixed(3)}`]),
    `${Math.round(imagesPerSecond)} images/s`,
    ...(waitShare < 0.1 ? [] : [`${Math.round(100 * waitShare)} % of the time waiting for images`]),
  ].join(', ');
}

function made(
  params: Pick<StepInput<typeof trainStep>, 'head' | 'images' | 'select'>,
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
  const { checkpoint, best, seconds, log } = lease.state;
  const { loss, bestStep, bestAccuracy } = done;
  const chosen = params.select === 'best' ? (best ?? checkpoint) : checkpoint;
  return {
    files: chosen?.files ?? {},
    facts: { ...facts, headBytes, parameters, threads, ...(bestStep !== undefined && { bestStep }) },
    metrics: { ...(loss !== null && { loss }), ...(bestAccuracy !== undefined && { bestAccuracy }) },
    measured: { trainingSeconds: seconds },
    log,
  };
}
