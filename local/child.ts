import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  /** Leader of the process group that the program and its children live in. */
  readonly pid: number;
  readonly log: string;
  readonly exited: Promise<Exit>;
  /** SIGTERM, then after `graceMs` SIGKILL to whatever is left of the group. */
  stop(graceMs?: number): Promise<void>;
}

export interface ChildOptions {
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Standard output and error; the file of the start before is kept as `<log>.1`. */
  log: string;
  /** Called with every line of standard output. */
  onLine?: (line: string) => void;
}

/**
 * A parent that is killed cannot clean up, so a shell between the two holds the read end of a pipe from the
 * parent: when that ends, the parent is gone and the whole process group is killed. The pipe must be moved
 * to descriptor 3 first, since a shell gives its background jobs /dev/null as standard input.
 */
const wrapper = `
exec 3<&0 </dev/null
trap : TERM
"$@" 3<&- &
program=$!
{ trap '' TERM; read -r _ <&3; kill -KILL 0; } &
watcher=$!
exec 3<&-
while :; do
  wait "$program"; code=$?
  kill -0 "$program" 2>/dev/null || break
done
kill -KILL "$watcher"
exit "$code"
`;

/** Starts a program that dies with this process, however this process dies. */
export function startChild({ command, args, env, cwd, log, onLine }: ChildOptions): Child {
  const logFile = openLog(log);
  const shell = spawn('/bin/sh', ['-c', wrapper, 'sh', command, ...args], {
    env,
    cwd,
    detached: true,
    stdio: ['pipe', onLine === undefined ? logFile : 'pipe', logFile],
  });
  const exited = new Promise<Exit>((resolve, reject) => {
    shell.once('error', reject);
    // 'close' comes after the last line of output.
    shell.once('close', (code, signal) => resolve({ code, signal }));
  });
  if (shell.pid === undefined) {
    closeSync(logFile);
    throw new Error(`/bin/sh could not be started for ${command}`);
  }
  const pid = shell.pid;
  let over = false;
  shell.once('exit', () => {
    signalGroup(pid, 'SIGKILL');
    over = true;
  });
  if (shell.stdout === null) {
    closeSync(logFile);
  } else {
    const lines = createInterface({ input: shell.stdout });
    lines.on('line', (line) => {
      writeSync(logFile, `${line}\n`);
      onLine?.(line);
    });
    lines.once('close', () => closeSync(logFile));
  }

  return {
    pid,
    log,
    exited,
    async stop(graceMs = 5_000) {
      if (!over) signalGroup(pid, 'SIGTERM');
      const killer = setTimeout(() => {
        if (!over) signalGroup(pid, 'SIGKILL');
      }, graceMs);
      await exited;
      clearTimeout(killer);
    },
  };
}

/** The last lines of a log, for an error that names it. */
export function logTail(log: string, lines = 3): string {
  if (!existsSync(log)) return '';
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

function openLog(log: string): number {
  mkdirSync(dirname(log), { recursive: true });
  if (existsSync(log)) renameSync(log, `${log}.1`);
  return openSync(log, 'w', 0o600);
}

/** Signals a whole process group; one that is gone already is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // ESRCH: the group is empty. EPERM: macOS says so of a group of zombies.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
