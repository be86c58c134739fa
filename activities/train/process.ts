import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { exited, killGroup, spawnPython } from '../python.ts';

/** Time for the last checkpoint when the trainer is told to stop; the worker is given longer to commit it. */
const graceMs = 30_000;

/** How torchrun begins to tell that a process has failed, at a length of thirty lines and more. */
const beginsObituary =
  /^[EW]\d{4} .*torch\/distributed\/elastic\/.*\] (failed \(exitcode|Sending process|Received \d+ death signal)/;

/** Time for processes that were killed to be gone. */
const goneMs = 5_000;

export interface TrainerProcess {
  /** Resolves with the exit code or signal. */
  readonly exit: Promise<number | string>;
  /** The last lines the process wrote, for the failure that nobody foresaw. */
  lastWords(): string;
  /** Logs what torchrun says of a process that failed, which has not been logged: only those miss it who know no more. */
  logObituary(): void;
  /** Asks for a last checkpoint and waits for the end; takes the process down if that takes too long. */
  stop(): Promise<void>;
  /** Takes the process and all its ranks down at once. */
  kill(): Promise<void>;
}

/** Starts `torchrun` on a config file. When one of its processes dies it ends the others, and starts none again. */
export function startTrainer(configPath: string, processes: number, log: Logger): TrainerProcess {
  const child = spawnPython([
    ...['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', `${processes}`],
    // Its own folder for logs, which stays empty, would outlive it elsewhere.
    ...['--max-restarts', '0', '--monitor-interval', '0.1', '--log-dir', `${dirname(configPath)}/torchrun`],
    ...['-m', 'f2c_trainer', configPath],
  ]);
  const words: string[] = [];
  const obituary: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      if (obituary.length > 0 || beginsObituary.test(line)) obituary.push(line);
      else log.info({ from: 'trainer' }, line);
      words.push(line);
      if (words.length > 20) words.shift();
    });
  }
  const exit = exited(child);
  const ended = exit.catch(() => {});

  const kill = async () => {
    // torchrun starts its ranks in sessions of their own, out of the group's reach: the closed pipe ends them.
    child.stdin?.destroy();
    killGroup(child, 'SIGKILL');
    await Promise.race([ended, wait(goneMs, undefined, { ref: false })]);
    // One that waits in the kernel, for a dead drive or GPU, dies later and holds the other ends until then.
    child.stdout?.destroy();
    child.stderr?.destroy();
    await ended;
  };
  const stop = async () => {
    killGroup(child, 'SIGTERM');
    await Promise.race([ended, wait(graceMs, undefined, { ref: false })]);
    await kill();
  };
  const logObituary = () => {
    for (const line of obituary.splice(0)) log.info({ from: 'torchrun' }, line);
  };
  return { exit, lastWords: () => words.join('\n'), logObituary, stop, kill };
}
