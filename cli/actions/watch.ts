import { watchToEnd } from '../follow.ts';
import type { OutputOptions } from '../output.ts';
import { describeRun } from '../runs.ts';
import { withSession } from '../session.ts';

/** Watches a run from now on, whoever started it; F2C_RUN_UNKNOWN. */
export function watch(run: string, options: OutputOptions): Promise<void> {
  return withSession({ start: false }, async (session) => {
    await describeRun(session.client, run);
    await watchToEnd(run, session, options);
  });
}
