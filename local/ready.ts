import { setTimeout as sleep } from 'node:timers/promises';
import { F2cError } from '../errors/failure.ts';
import type { Child } from './child.ts';
import { logTail } from './child.ts';

const limitMs = 60_000;
const pauseMs = 50;

/** Asks again and again until `probe` passes; gives up when the child ends, after a minute or on `signal`. */
export async function untilReady(
  name: string,
  child: Child,
  probe: () => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  let ended: string | undefined;
  child.exited.then(({ code, signal }) => {
    ended = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
  });
  for (;;) {
    try {
      await probe();
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (ended !== undefined) throw failedToStart(name, ended, child.log, error);
      if (Date.now() > deadline) {
        throw failedToStart(name, `did not answer within ${limitMs / 1000} s`, child.log, error);
      }
      await sleep(pauseMs);
    }
  }
}

function failedToStart(name: string, how: string, log: string, cause?: unknown): F2cError {
  const tail = logTail(log);
  return new F2cError('F2C_STACK_FAILED', {
    what: `${name} ${how}`,
    where: log,
    fix: tail === '' ? 'Look into its log' : `Its log ends with: ${tail}`,
    cause,
  });
}
