import { open } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { parseJson } from '../python.ts';

/** In the trainer's work folder. */
export const eventsFile = 'events.jsonl';

/** `bestStep` and `bestAccuracy` are those of the best validation so far, if there was one. */
const checkpoint = {
  step: z.int(),
  path: z.string(),
  seconds: z.number(),
  bestStep: z.int().optional(),
  bestAccuracy: z.number().optional(),
};

/** What the trainer tells while it runs; see `trainer/f2c_trainer/events.py`. */
const trainerEvent = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('start'),
    step: z.int(),
    steps: z.int(),
    images: z.int(),
    identities: z.int(),
    instances: z.int(),
    poolSlots: z.int().nullable(),
    headBytes: z.int(),
    parameters: z.int(),
    threads: z.int(),
    processes: z.int(),
    /** Set where the checkpoint is of another number of processes. */
    resumedFrom: z.object({ processes: z.int() }).optional(),
  }),
  z.object({
    event: z.literal('step'),
    step: z.int(),
    images: z.int(),
    loss: z.number().nullable(),
    imagesPerSecond: z.number(),
    waitShare: z.number(),
  }),
  z.object({ event: z.literal('validation'), step: z.int(), accuracy: z.number() }),
  z.object({ event: z.enum(['checkpoint', 'stopped']), ...checkpoint }),
  z.object({ event: z.literal('done'), ...checkpoint, loss: z.number().nullable() }),
  z.looseObject({ event: z.literal('error'), code: z.string(), what: z.string() }),
]);

export type TrainerEvent = z.infer<typeof trainerEvent>;
export type StartEvent = Extract<TrainerEvent, { event: 'start' }>;
export type DoneEvent = Extract<TrainerEvent, { event: 'done' }>;
export type StepEvent = Extract<TrainerEvent, { event: 'step' }>;
export type CheckpointEvent = Extract<TrainerEvent, { path: string }>;

const pollMs = 100;

/** Yields the events that are appended to the file after `offset` bytes, until `ended` has resolved and all is read. */
export async function* followEvents(
  path: string,
  offset: number,
  ended: Promise<unknown>,
): AsyncGenerator<TrainerEvent> {
  let over = false;
  const end = ended.then(
    () => (over = true),
    () => (over = true),
  );
  const file = await open(path, 'a+');
  try {
    let position = offset;
    let rest = '';
    for (;;) {
      const last = over;
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(65536), position });
      position += bytesRead;
      const lines = (rest + buffer.toString('utf8', 0, bytesRead)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        yield trainerEvent.parse(parseJson(line));
      }
      if (bytesRead > 0) continue;
      if (last) return;
      await Promise.race([wait(pollMs), end]);
    }
  } finally {
    await file.close();
  }
}
