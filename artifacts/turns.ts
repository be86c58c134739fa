import { z } from 'zod';
import { F2cError } from '../errors/failure.ts';
import type { Bucket } from './bucket.ts';

/** An execution of a run, as Temporal tells it from others. */
export interface Execution {
  run: string;
  execution: string;
}

/** The open runs of a pipeline whose number is limited, in the order in which they came: those in front may go. */
const queue = z.array(z.strictObject({ run: z.string().min(1), execution: z.string().min(1) }));

type IsOpen = (execution: Execution) => Promise<boolean>;

/** Puts a run behind the open ones of its pipeline if it is not among them yet, and gives those before it. */
export async function takePlace(
  bucket: Bucket,
  pipeline: string,
  own: Execution,
  isOpen: IsOpen,
): Promise<Execution[]> {
  const after = await change(bucket, pipeline, async (before) => {
    const at = before.findIndex((other) => isSame(other, own));
    const [ahead, behind] = at === -1 ? [before, [own]] : [before.slice(0, at), before.slice(at)];
    return [...(await openOnes(ahead, isOpen)), ...behind];
  });
  return after.slice(
    0,
    after.findIndex((other) => isSame(other, own)),
  );
}

/** Takes a run out, and gives the last of those that may go now: if somebody may go because of it, it is this one. */
export async function leavePlace(
  bucket: Bucket,
  pipeline: string,
  own: Execution,
  { limit, isOpen }: { limit: number; isOpen: IsOpen },
): Promise<Execution | undefined> {
  const after = await change(bucket, pipeline, async (before) =>
    openOnes(
      before.filter((other) => !isSame(other, own)),
      isOpen,
    ),
  );
  return after[limit - 1];
}

/** A run that was terminated, or whose end nobody could tell, must not stand in the way for ever. */
async function openOnes(executions: Execution[], isOpen: IsOpen): Promise<Execution[]> {
  const open = await Promise.all(executions.map(isOpen));
  return executions.filter((_, index) => open[index]);
}

/** Compare-and-swap, until nobody else was faster. */
async function change(
  bucket: Bucket,
  pipeline: string,
  next: (before: Execution[]) => Promise<Execution[]>,
): Promise<Execution[]> {
  const key = `turns/${pipeline}.json`;
  for (;;) {
    const stored = await bucket.read(key);
    const before = stored === undefined ? [] : readQueue(stored.text, key);
    const after = await next(before);
    const text = JSON.stringify(after);
    if (text === JSON.stringify(before)) return after;
    const etag =
      stored === undefined ? await bucket.create(key, text) : await bucket.replace(key, text, stored.etag);
    if (etag !== undefined) return after;
  }
}

function readQueue(text: string, key: string): Execution[] {
  try {
    return queue.parse(JSON.parse(text));
  } catch (cause) {
    throw new F2cError('F2C_DATA_CORRUPT', {
      what: `The object ${key} is not a list of runs`,
      fix: 'Delete it while no run of the pipeline goes on; it is made anew',
      cause,
    });
  }
}

function isSame(a: Execution, b: Execution): boolean {
  return a.run === b.run && a.execution === b.execution;
}
