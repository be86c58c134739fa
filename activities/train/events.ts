import { open } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { parseJson } from '../python.ts';

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
  }),
  z.object({
    event: z.literal('step'),
    step: z.int(),
    images: z.int(),
    loss: z.number(),
    imagesPerSecond: z.number(),
  }),
  z.object({
    event: z.enum(['checkpoint', 'stopped']),
    step: z.int(),
    path: z.string(),
    seconds: z.number(),
  }),
  z.object({
    event: z.literal('done'),
    step: z.int(),
    path: z.string(),
    seconds: z.number(),
    loss: z.number().nullable(),
  }),
  z.looseObject({ event: z.literal('error'), code: z.string(), what: z.string() }),
]);

export type TrainerEvent = z.infer<typeof trainerEvent>;
export type StartEvent = Extract<TrainerEvent, { event: 'start' }>;
export type DoneEvent = Extract<TrainerEvent, { event: 'done' }>;

const pollMs = 100;

/** Yields the events as they are appended to the file, until `ended` has resolved and all is read. */
export async function* followEvents(path: string, ended: Promise<unknown>): AsyncGenerator<TrainerEvent> {
  let over = false;
  const end = ended.then(
    () => (over = true),
    () => (over = true),
  );
  const file = await open(path, 'a+');
  try {
    let offset = 0;
    let rest = '';
    for (;;) {
      const last = over;
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(65536), position: offset });
      offset += bytesRead;
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
