import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { z } from 'zod';
import { isErrorCode } from '../errors/catalogue.ts';
import { F2cError } from '../errors/failure.ts';
import { signalGroup } from '../local/child.ts';
import { pythonPath } from '../local/paths.ts';

const trainerFolder = fileURLToPath(new URL('../trainer', import.meta.url));

/** How the trainer reports a failure that a user can act on, one JSON object on a line. */
const errorReport = z.object({
  event: z.literal('error'),
  code: z.string().refine(isErrorCode),
  what: z.string(),
  where: z.string().nullish(),
  fix: z.string().nullish(),
});

/** The failure that an event of the trainer reports, if it reports one. */
export function reportedFailure(event: unknown): F2cError | undefined {
  const report = errorReport.safeParse(event);
  if (!report.success) return undefined;
  const { code, what, where, fix } = report.data;
  return new F2cError(code, { what, where: where ?? undefined, fix: fix ?? undefined });
}

/**
 * Starts Python on the trainer's package, leader of a process group of its own. Its standard input is a pipe
 * held by this process: the trainer ends itself when that pipe closes, so it cannot outlive its worker.
 */
export function spawnPython(
  args: string[],
  { env = {} }: { env?: Record<string, string> } = {},
): ChildProcess {
  return spawn(pythonPath(), args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PYTHONPATH: trainerFolder, PYTHONUNBUFFERED: '1', ...env },
  });
}

/** Ends the whole process group of a child of `spawnPython`. */
export function killGroup({ pid }: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (pid !== undefined) signalGroup(pid, signal);
}

/** Resolves with the exit code, or the signal's name, once the child and its pipes are closed. */
export function exited(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 1));
  });
}

/** Runs a module of the trainer to its end; its error report, or the last lines it wrote, become the failure. */
export async function runModule(
  module: string,
  args: string[],
  { signal, log }: { signal: AbortSignal; log: Logger },
): Promise<void> {
  const child = spawnPython(['-m', module, ...args]);
  const stop = () => killGroup(child, 'SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  const lines: string[] = [];
  let failure: F2cError | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      log.info({ from: module }, line);
      failure ??= reportedFailure(parseJson(line));
      lines.push(line);
      if (lines.length > 20) lines.shift();
    });
  }
  try {
    const code = await exited(child);
    signal.throwIfAborted();
    if (failure !== undefined) throw failure;
    if (code !== 0) throw new Error(`python -m ${module} ended with ${code}:\n${lines.join('\n')}`);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

export function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
