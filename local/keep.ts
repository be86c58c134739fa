import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from './child.ts';

export interface Part {
  readonly child: Child;
  stop(): Promise<void>;
}

/** Starts a part once; `signal` gives the start up. */
export type Start<P extends Part> = (signal: AbortSignal) => Promise<P>;

export interface KeptPart<P extends Part> {
  /** As it was started first; later starts have the same addresses. */
  readonly first: P;
  stop(): Promise<void>;
}

const firstPauseMs = 200;
const longestPauseMs = 30_000;
/** A part that has run for this long is not in a crash loop. */
const settledMs = 60_000;

/** Starts a part and, whenever it ends by itself, starts it again, with back-off. */
export async function keepRunning<P extends Part>(
  start: Start<P>,
  report: (event: string) => void,
): Promise<KeptPart<P>> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const first = await start(signal);
  report('is ready');
  let current = first;
  let failures = 0;

  const startAgain = async (): Promise<void> => {
    while (!signal.aborted) {
      await sleep(Math.min(firstPauseMs * 2 ** failures, longestPauseMs), undefined, { signal }).catch(
        () => {},
      );
      if (signal.aborted) return;
      failures += 1;
      try {
        current = await start(signal);
        report('is running again');
        return;
      } catch (error) {
        if (!signal.aborted) report(`did not start again: ${(error as Error).message}`);
      }
    }
  };
  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      const since = Date.now();
      const exit = await current.child.exited;
      if (signal.aborted) return;
      report(`ended (${exit.signal ?? `exit code ${exit.code}`})`);
      await current.stop();
      if (Date.now() - since > settledMs) failures = 0;
      await startAgain();
    }
  };
  const watching = watch();

  return {
    first,
    async stop() {
      stopping.abort();
      await current.stop();
      await watching;
      // A start that was too far on to be given up.
      await current.stop();
    },
  };
}
