import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { stackEnv } from '../../local/env.ts';
import { root } from '../../local/paths.ts';

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the `f2c` command as a user would: with F2C_HOME for a stack of its own, or with the servers to talk to. */
export function f2c(settings: Record<string, string>, ...args: string[]): Promise<Finished> {
  return started([join(root, 'cli', 'bin.mjs'), ...args], { ...process.env, ...settings }).finished;
}

/** Starts a worker as a user would, where the environment names no servers but those of `settings`. */
export function worker(settings: Record<string, string>, ...args: string[]): Started {
  const bare = {
    HOME: '/nowhere',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
  const env = stackEnv(process.env, { ...bare, ...settings });
  return started(['--import', 'tsx', join(root, 'workers', 'main.ts'), ...args], env);
}

interface Started {
  finished: Promise<Finished>;
  /** What it has written so far. */
  stdout(): string;
  end(): void;
}

function started(args: string[], env: NodeJS.ProcessEnv): Started {
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      texts[stream] += text;
    });
  }
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...texts }));
  });
  return { finished, stdout: () => texts.stdout, end: () => child.kill() };
}
