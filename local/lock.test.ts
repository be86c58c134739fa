import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHolder, lockHome } from './lock.ts';
import { root } from './paths.ts';
import { isAlive, ownIdentity } from './process.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'f2c-lock-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test('a home has one holder at a time', () => {
  const unlock = lockHome(home);
  expect(lockHolder(home)).toMatchObject({ pid: process.pid });
  expect(() => lockHome(home)).toThrow(
    `The stack of ${home} is running already (process ${process.pid}). Use it, or end it with \`npx f2c down\`.`,
  );
  unlock();
  expect(lockHolder(home)).toBeUndefined();
  lockHome(home)();
  expect(readdirSync(home)).toEqual([]);
});

test('the lock of a process that is gone is taken over', () => {
  const script = `
    import { lockHome } from ${JSON.stringify(join(root, 'local', 'lock.ts'))};
    lockHome(process.argv[1]);
    process.kill(process.pid, 'SIGKILL');`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script, home];
  expect(spawnSync(process.execPath, args, { cwd: root }).signal).toBe('SIGKILL');
  expect(readdirSync(home)).toEqual(['stack.lock']);

  const unlock = lockHome(home);
  expect(lockHolder(home)).toMatchObject({ pid: process.pid });
  unlock();
});

test('a process with the same id that started at another time is another process', () => {
  const own = ownIdentity();
  expect(isAlive(own)).toBe(true);
  expect(isAlive({ ...own, start: '1' })).toBe(false);
});
