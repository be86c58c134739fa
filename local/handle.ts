import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../errors/catalogue.ts';
import { F2cError } from '../errors/failure.ts';
import { lockHolder } from './lock.ts';
import { root } from './paths.ts';
import { isAlive, type ProcessIdentity } from './process.ts';
import type { StackRun } from './record.ts';
import { readRecord } from './record.ts';

/** What the supervisor tells the one who started it. */
export interface SupervisorMessage {
  progress?: string;
  ready?: true;
  failed?: { code?: ErrorCode; what: string; where?: string | undefined; fix?: string | undefined };
}

/** A stack for the time of a command. */
export interface BorrowedStack {
  run: StackRun;
  /** Ends the stack if it was started for this process and nobody has asked to keep it since. */
  giveBack(): Promise<void>;
}

const startLimitMs = 180_000;
const stopLimitMs = 100_000;
const pauseMs = 100;

/** The stack that is running in this home, if its supervisor is alive. */
export function runningStack(home: string): StackRun | undefined {
  const { run } = readRecord(home);
  return run !== undefined && isAlive(run.owner) ? run : undefined;
}

/**
 * Starts the stack of a home in the background, or joins the one that is running or starting there. One that
 * was started for a single command is made to stay.
 */
export async function upDetached(home: string, onProgress: (line: string) => void): Promise<StackRun> {
  for (;;) {
    const run = await untilRunning(home, onProgress, async () => {
      const supervisor = await launchSupervisor(home, [], onProgress);
      supervisor.removeAllListeners();
      if (supervisor.connected) supervisor.disconnect();
    });
    if (run.endsWith === undefined) return run;
    onProgress(`Keeps the stack that process ${run.endsWith} started for its run`);
    process.kill(run.owner.pid, 'SIGUSR2');
    while (runningStack(home)?.endsWith !== undefined) await sleep(pauseMs);
  }
}

/** Joins the stack that is running or starting in a home, or starts one that ends with this process, however it ends. */
export async function borrowStack(home: string, onProgress: (line: string) => void): Promise<BorrowedStack> {
  let own: ChildProcess | undefined;
  const run = await untilRunning(home, onProgress, async () => {
    own = await launchSupervisor(home, ['lent'], onProgress);
    // Neither the process nor its channel keep this process from ending.
    own.channel?.unref();
  });
  const giveBack = async () => {
    if (own?.pid !== run.owner.pid) return;
    if (own.connected) own.disconnect();
    await untilEnded(run.owner, () => isKept(home));
  };
  return { run, giveBack };
}

/** Ends the stack of a home; false if none is running. */
export async function down(home: string): Promise<boolean> {
  const holder = lockHolder(home);
  if (holder === undefined) return false;
  process.kill(holder.pid, 'SIGTERM');
  await untilEnded(holder);
  return true;
}

function isKept(home: string): boolean {
  const run = runningStack(home);
  return run !== undefined && run.endsWith === undefined;
}

async function untilEnded(supervisor: ProcessIdentity, isKept = () => false): Promise<void> {
  const deadline = Date.now() + stopLimitMs;
  while (isAlive(supervisor) && !isKept()) {
    // Its children die with it.
    if (Date.now() > deadline) process.kill(supervisor.pid, 'SIGKILL');
    await sleep(pauseMs);
  }
}

async function untilRunning(
  home: string,
  onProgress: (line: string) => void,
  launch: () => Promise<void>,
): Promise<StackRun> {
  const deadline = Date.now() + startLimitMs;
  let told: number | undefined;
  while (Date.now() < deadline) {
    const run = runningStack(home);
    if (run !== undefined) return run;
    const holder = lockHolder(home);
    if (holder === undefined) {
      await launch();
      continue;
    }
    if (holder.pid !== told) onProgress(`Waits for process ${holder.pid}, which starts or ends the stack`);
    told = holder.pid;
    await sleep(pauseMs);
  }
  throw new F2cError('F2C_STACK_FAILED', {
    what: `The stack was not ready within ${startLimitMs / 1000} s`,
    where: join(home, 'logs'),
    fix: 'Look into the logs there, then run `npx f2c down` and try again',
  });
}

/** Returns when the supervisor is ready, or when another one was faster. */
async function launchSupervisor(
  home: string,
  terms: string[],
  onProgress: (line: string) => void,
): Promise<ChildProcess> {
  const logs = join(home, 'logs');
  mkdirSync(logs, { recursive: true });
  const output = openSync(join(logs, 'supervisor-output.log'), 'w');
  const supervisor = spawn(
    process.execPath,
    ['--import', 'tsx', join(root, 'local', 'supervisor.ts'), home, ...terms],
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
    supervisor.unref();
  }
  return supervisor;
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
