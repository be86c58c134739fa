import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { queues } from '../language/step.ts';
import { descendantsOf, isRunning } from '../test/support/processes.ts';
import { down, runningStack, upDetached } from './handle.ts';

// Five programs start and end, some of them twice.
vi.setConfig({ testTimeout: 180_000 });

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'f2c-home-'));
});
afterEach(async () => {
  await down(home);
  rmSync(home, { recursive: true, force: true });
});

const silent = () => {};

test('up starts servers and workers in the background, down ends them all', async () => {
  expect(runningStack(home)).toBeUndefined();
  expect(await down(home)).toBe(false);

  const progress: string[] = [];
  const run = await upDetached(home, (line) => progress.push(line));
  expect(progress.sort()).toEqual([
    'S3 is ready',
    'Temporal is ready',
    ...[...queues].sort().map((role) => `The ${role} worker is ready`),
  ]);
  expect(runningStack(home)).toEqual(run);
  expect(run.env.TEMPORAL_ADDRESS).toBe(run.addresses.temporal);
  expect(statSync(join(home, 'stack.json')).mode & 0o777).toBe(0o600);

  const pids = descendantsOf(run.owner.pid).map(({ pid }) => pid);
  // For each of the two servers and three workers: a shell, its watcher and the program.
  expect(pids.length).toBeGreaterThanOrEqual(15);

  expect(await down(home)).toBe(true);
  expect(runningStack(home)).toBeUndefined();
  expect(pids.filter(isRunning)).toEqual([]);
});

test('two who want it at the same time get the same stack, and a third one joins', async () => {
  const [one, two] = await Promise.all([upDetached(home, silent), upDetached(home, silent)]);
  expect(two).toEqual(one);
  expect(await upDetached(home, silent)).toEqual(one);
});

test('when the supervisor is killed, everything dies, and the next up has the same addresses', async () => {
  const before = await upDetached(home, silent);
  const pids = descendantsOf(before.owner.pid).map(({ pid }) => pid);
  process.kill(before.owner.pid, 'SIGKILL');
  await expect.poll(() => pids.filter(isRunning), { timeout: 10_000 }).toEqual([]);
  expect(runningStack(home)).toBeUndefined();

  const after = await upDetached(home, silent);
  expect(after.owner.pid).not.toBe(before.owner.pid);
  expect(after.addresses).toEqual(before.addresses);
});
