import { stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { TrainerProcess } from './process.ts';

const tickMs = 1_000;

/** Longer than a start-up, with imports over a network drive and the first batch. */
const leastPatienceMs = 600_000;

/** In a validation nothing is told; with the default settings one takes as long as forty steps. */
const patienceInGaps = 50;

/**
 * Kills a trainer that goes on and shows no sign of life, which is a change of one of the files or folders: one of
 * its processes was stopped, or they wait for each other for ever. Resolves when the trainer has ended, with the
 * milliseconds of silence if that was why.
 */
export async function killIfStuck(
  { exit, kill }: Pick<TrainerProcess, 'exit' | 'kill'>,
  signs: string[],
): Promise<number | undefined> {
  let over = false;
  const end = exit.then(
    () => (over = true),
    () => (over = true),
  );
  let changed = await changesOf(signs);
  let longestGapMs = 0;
  // Counted in ticks rather than read off a clock: a laptop that sleeps is not silent.
  let silentMs = 0;
  while (silentMs < patienceMs(longestGapMs)) {
    await Promise.race([wait(tickMs, undefined, { ref: false }), end]);
    if (over) return undefined;
    const before = changed;
    changed = await changesOf(signs);
    if (changed !== before) {
      longestGapMs = Math.max(longestGapMs, silentMs);
      silentMs = 0;
    } else silentMs += tickMs;
  }
  await kill();
  return silentMs;
}

/**
 * How long a trainer may be silent that has been so for `longestGapMs` before: many times that and ten minutes at
 * least, or exactly what F2C_TRAINER_PATIENCE_SECONDS says to the worker.
 */
export function patienceMs(longestGapMs: number, env: NodeJS.ProcessEnv = process.env): number {
  const given = 1_000 * Number(env.F2C_TRAINER_PATIENCE_SECONDS);
  return given > 0 ? given : Math.max(leastPatienceMs, patienceInGaps * longestGapMs);
}

/** When each was changed last; those that are not there yet come later. */
async function changesOf(paths: string[]): Promise<string> {
  const times = await Promise.allSettled(paths.map((path) => stat(path)));
  return times.map((one) => (one.status === 'fulfilled' ? one.value.mtimeMs : '')).join();
}
