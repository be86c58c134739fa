import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isRunning } from '../test/support/processes.ts';
import { logTail, startChild } from './child.ts';
import { root } from './paths.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'f2c-child-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function shell(name: string, script: string, onLine?: (line: string) => void) {
  const log = join(folder, `${name}.log`);
  return startChild({
    command: '/bin/sh',
    args: ['-c', script],
    env: process.env,
    log,
    ...(onLine === undefined ? {} : { onLine }),
  });
}

describe('a child', () => {
  test('gives its exit code and its output', async () => {
    const child = shell('plain', 'echo out; echo err >&2; exit 3');
    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect(readFileSync(child.log, 'utf8')).toBe('out\nerr\n');
  });

  test('hands over every line of its output and logs it, too', async () => {
    const lines: string[] = [];
    const child = shell('lines', 'echo one; echo two', (line) => lines.push(line));
    await child.exited;
    expect(lines).toEqual(['one', 'two']);
    expect(readFileSync(child.log, 'utf8')).toBe('one\ntwo\n');
  });

  test('keeps the log of the start before', async () => {
    await shell('twice', 'echo first').exited;
    const second = shell('twice', 'echo second');
    await second.exited;
    expect(readFileSync(`${second.log}.1`, 'utf8')).toBe('first\n');
    expect(logTail(second.log)).toBe('second');
  });

  test('ends in its own way on stop', async () => {
    const lines: string[] = [];
    const ready = new Promise<void>((resolve) => {
      const child = shell(
        'polite',
        'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.05; done',
        (line) => {
          lines.push(line);
          if (line === 'ready') child.stop().then(resolve);
        },
      );
    });
    await ready;
    expect(lines).toEqual(['ready', 'bye']);
  });

  test('is killed with its own children when it does not end in time', async () => {
    const pids: number[] = [];
    const child = shell(
      'stubborn',
      'trap "" TERM; sleep 1000 & echo $!; echo $$; wait; while :; do sleep 1; done',
      (line) => pids.push(Number(line)),
    );
    await expect.poll(() => pids.length).toBe(2);
    await child.stop(50);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  test('dies when its parent is killed', async () => {
    const script = `
      import { startChild } from ${JSON.stringify(join(root, 'local', 'child.ts'))};
      startChild({
        command: '/bin/sh',
        args: ['-c', 'trap "" TERM; echo $$; sleep 1000 & echo $!; wait; sleep 1000'],
        env: process.env,
        log: ${JSON.stringify(join(folder, 'orphan.log'))},
        onLine: (line) => console.log(line),
      });`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    parent.stdout.on('data', (text) => {
      output += text;
    });
    await expect.poll(() => output.trim().split('\n').length, { timeout: 20_000 }).toBe(2);
    const pids = output.trim().split('\n').map(Number);
    expect(pids.every(isRunning)).toBe(true);

    parent.kill('SIGKILL');
    await expect.poll(() => pids.filter(isRunning), { timeout: 10_000 }).toEqual([]);
  });
});
