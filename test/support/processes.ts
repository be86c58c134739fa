import { execFileSync } from 'node:child_process';

interface Listed {
  pid: number;
  parent: number;
  group: number;
  command: string;
}

/** What is running in the process group of a child of local/child.ts; zombies do not count. */
export function processesOf(group: number): Listed[] {
  return list().filter((process) => process.group === group);
}

export function isRunning(pid: number): boolean {
  return list().some((process) => process.pid === pid);
}

/** Everything that a process has started, directly or not. */
export function descendantsOf(pid: number): Listed[] {
  const all = list();
  const below = (parent: number): Listed[] =>
    all.filter((process) => process.parent === parent).flatMap((child) => [child, ...below(child.pid)]);
  return below(pid);
}

/** Processes with a text, such as a folder, in their command line. */
export function processesWith(text: string): Listed[] {
  return list().filter((process) => process.command.includes(text));
}

/** The worker of a role that a stack of this process has started; undefined while it is being started again. */
export function workerOf(role: string): Listed | undefined {
  return descendantsOf(process.pid).find(
    ({ command }) => command.includes(`--role ${role}`) && !command.startsWith('/bin/sh'),
  );
}

/** The processes of the trainings that run in a stack. */
export function trainersOf({ home }: { home: string }): Listed[] {
  return processesWith(`${home}/scratch/`).filter(({ command }) => command.includes('-m f2c_trainer '));
}

function list(): Listed[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=,args='], { encoding: 'utf8' }).split(
    '\n',
  );
  return lines.flatMap((line) => {
    const [, pid, parent, group, state, command] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (state === undefined || state.startsWith('Z')) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), command: command ?? '' }];
  });
}
