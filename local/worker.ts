import { join } from 'node:path';
import type { Queue } from '../language/contract/step.ts';
import { queues } from '../language/contract/step.ts';
import { startChild } from './child.ts';
import type { Part } from './keep.ts';
import { root } from './paths.ts';
import { untilReady } from './ready.ts';

export const workerRoles = queues;

export interface WorkerOptions {
  role: Queue;
  /** The queue to poll, if it is not the one of the role. */
  queue?: string;
  home: string;
  env: NodeJS.ProcessEnv;
  /** Gives up a start. */
  signal?: AbortSignal;
}

/** Longer than a worker gives its steps, and a step its trainer, to commit a last checkpoint. */
const graceMs = 75_000;

/** Starts a worker process; ready when it says `{"ready":true}` on its standard output. */
export async function startWorker({ role, queue = role, home, env, signal }: WorkerOptions): Promise<Part> {
  let ready = false;
  const child = startChild({
    command: process.execPath,
    args: ['--import', 'tsx', join(root, 'workers', 'main.ts'), '--role', role, '--queue', queue],
    env,
    cwd: root,
    log: join(home, 'logs', `worker-${queue}.log`),
    onLine: (line) => {
      ready ||= saysReady(line);
    },
  });
  const stop = () => child.stop(graceMs);
  try {
    await untilReady(
      `The ${role} worker`,
      child,
      async () => {
        if (!ready) throw new Error('no ready line yet');
      },
      signal,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { child, stop };
}

function saysReady(line: string): boolean {
  try {
    return JSON.parse(line)?.ready === true;
  } catch {
    return false;
  }
}
