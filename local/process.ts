import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process id alone may have been given to another process since. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in whatever form the system tells it. */
  start: string;
}

export function ownIdentity(): ProcessIdentity {
  const start = startOf(process.pid);
  if (start === undefined) throw new Error('this process does not find itself in the list of processes');
  return { pid: process.pid, start };
}

export function isAlive({ pid, start }: ProcessIdentity): boolean {
  return startOf(pid) === start;
}

function startOf(pid: number): string | undefined {
  return process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid);
}

/** From /proc, since small images have no ps. A zombie counts as gone. */
function startOnLinux(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The program's name, in brackets, may hold spaces; state and start time are fields 3 and 22 of proc(5).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[19];
}

function startByPs(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return text.startsWith('Z') ? undefined : text.slice(text.indexOf(' ')).trim();
  } catch {
    return undefined;
  }
}
