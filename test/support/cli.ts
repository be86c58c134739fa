import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../../local/paths.ts';

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the `f2c` command as a user would: with F2C_HOME for a stack of its own, or with the servers to talk to. */
export function f2c(settings: Record<string, string>, ...args: string[]): Promise<Finished> {
  const child = spawn(process.execPath, [join(root, 'cli', 'bin.mjs'), ...args], {
    cwd: root,
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      texts[stream] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...texts }));
  });
}
