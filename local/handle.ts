import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../errors/catalogue.ts';
import { F2cError } from '../errors/failure.ts';
import { lockHolder } from './lock.ts';
import { root } from './paths.ts';
import { isAlive } from './process.ts';
import type { StackRun } from './record.ts';
import { readRecord } from './record.ts';

/** What the supervisor tells the one who started it. */
export interface SupervisorMessage {
  progress?: string;
  ready?: true;
  failed?: { code?: ErrorCode; what: string; where?: string | undefined; fix?: string | undefined };
}

const startLimitMs = 180_000;
const stopLimitMs = 100_000;
const pauseMs = 100;

/** The stack that is running in this home, if its supervisor is alive. */
export function runningStack(home: string): StackRun | undefined {
  const { run } = readRecord(home);
  return run !== undefined && isAlive(run.owner) ? run : undefined;
}

/** Starts the stack of a home in the background, or joins the one that is running or starting there. */
export async function upDetached(home: string, onProgress: (line: string) => void): Promise<StackRun> {
  const deadline = Date.now() + startLimitMs;
  while (Date.now() < deadline) {
    const run = runningStack(home);
    if (run !== undefined) return run;
    if (lockHolder(home) === undefined) await launchSupervisor(home, onProgress);
    else await sleep(pauseMs);
  }
  throw new F2cError('F2C_STACK_FAILED', {
    what: `The stack was not ready within ${startLimitMs / 1000} s`,
    where: join(home, 'logs'),
    fix: 'Look into the logs there, then run f2c down and try again',
  });
}

/** Ends the stack of a home; false if none is running. */
export async function down(home: string): Promise<boolean> {
  const holder = lockHolder(home);
  if (holder === undefined) return false;
  process.kill(holder.pid, 'SIGTERM');
  const deadline = Date.now() + stopLimitMs;
  while (isAlive(holder)) {
    // Its children die with it.
    if (Date.now() > deadline) process.kill(holder.pid, 'SIGKILL');
    await sleep(pauseMs);
  }
  return true;
}

/** Returns when the supervisor is ready, or when another one was faster. */
async function launchSupervisor(home: string, onProgress: (line: string) => void): Promise<void> {
  const logs = join(home, 'logs');
  mkdirSync(logs, { recursive: true });
  const output = openSync(join(logs, 'supervisor-output.log'), 'w');
  const supervisor = spawn(
    process.execPath,
    ['--import', 'tsx', join(root, 'local', 'supervisor.ts'), home],
    {
      cwd: root,
      detached: true,
      stdio: ['ignore', output, output, 'ipc'],
    },
  );
  closeSync(output);
  try {
    await new Promise<void>((resolve, reject) => {
      supervisor.on('message', (message: SupervisorMessage) => {
        if (message.progress !== undefined) onProgress(message.progress);
        if (message.ready) resolve();
        if (message.failed?.code === 'F2C_STACK_RUNNING') resolve();
        else if (message.failed !== undefined) reject(failure(message.failed, logs));
      });
      supervisor.once('error', reject);
      supervisor.once('exit', (code, signal) =>
        reject(failure({ what: `The supervisor ended (${signal ?? `exit code ${code}`})` }, logs)),
      );
    });
  } finally {
    supervisor.removeAllListeners();
    if (supervisor.connected) supervisor.disconnect();
    supervisor.unref();
  }
}

function failure({ code, ...parts }: NonNullable<SupervisorMessage['failed']>, logs: string): F2cError {
  return code === undefined
    ? new F2cError('F2C_STACK_FAILED', {
        ...parts,
        where: logs,
        fix: 'Look into supervisor-output.log there',
      })
    : new F2cError(code, parts);
}
