import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { queues } from '../language/contract/step.ts';
import { descendantsOf, isRunning } from '../test/support/processes.ts';
import { borrowStack, down, runningStack, upDetached } from './handle.ts';
import { lockHome } from './lock.ts';
import { root } from './paths.ts';

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

test('up says whom it waits for, starts servers and workers in the background, and down ends them all', async () => {
  expect(runningStack(home)).toBeUndefined();
  expect(await down(home)).toBe(false);

  const progress: string[] = [];
  const unlock = lockHome(home);
  const starting = upDetached(home, (line) => progress.push(line));
  await expect
    .poll(() => progress)
    .toEqual([`Waits for process ${process.pid}, which starts or ends the stack`]);
  unlock();
  const run = await starting;
  expect(progress.slice(1).sort()).toEqual([
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

test('a borrowed stack is there for others and ends with its borrower, unless somebody says up', async () => {
  const borrowed = await borrowStack(home, silent);
  expect(borrowed.run.endsWith).toBe(process.pid);
  expect(runningStack(home)).toEqual(borrowed.run);
  const guest = await borrowStack(home, silent);
  expect(guest.run).toEqual(borrowed.run);
  await guest.giveBack();
  expect(runningStack(home)).toEqual(borrowed.run);

  const news: string[] = [];
  const kept = await upDetached(home, (line) => news.push(line));
  expect(news).toEqual([`Keeps the stack that process ${process.pid} started for its run`]);
  const { endsWith: _, ...staying } = borrowed.run;
  expect(kept).toEqual(staying);
  await borrowed.giveBack();
  expect(runningStack(home)).toEqual(kept);
  await down(home);

  const again = await borrowStack(home, silent);
  const pids = [again.run.owner, ...descendantsOf(again.run.owner.pid)].map(({ pid }) => pid);
  await again.giveBack();
  expect(pids.filter(isRunning)).toEqual([]);
  expect(runningStack(home)).toBeUndefined();
});

test('a borrowed stack ends when its borrower is killed', async () => {
  const script = `
    import { borrowStack } from ${JSON.stringify(join(root, 'local', 'handle.ts'))};
    const { run } = await borrowStack(${JSON.stringify(home)}, () => {});
    console.log(run.owner.pid);
    setInterval(() => {}, 1000);`;
  const borrower = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const owner = await new Promise<number>((resolve) =>
    borrower.stdout.once('data', (text) => resolve(Number(text))),
  );
  const pids = [owner, ...descendantsOf(owner).map(({ pid }) => pid)];
  expect(runningStack(home)?.endsWith).toBe(borrower.pid);
  borrower.kill('SIGKILL');
  await expect.poll(() => pids.filter(isRunning), { timeout: 30_000 }).toEqual([]);
});
