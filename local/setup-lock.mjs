// One set-up of a checkout at a time: npm test and npm run check may be started together.
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root, say } from './setup-steps.mjs';

const lockFile = join(root, '.f2c', 'setup.lock');

/** Waits until no other set-up is running; returns the release. */
export async function lockSetup() {
  mkdirSync(dirname(lockFile), { recursive: true });
  let said = false;
  while (!taken()) {
    const holder = Number(readIfThere(lockFile));
    if (!isRunning(holder)) {
      rmSync(lockFile, { force: true });
      continue;
    }
    if (!said) say(`Waiting for the set-up that process ${holder} is running ...`);
    said = true;
    await sleep(200);
  }
  return () => rmSync(lockFile, { force: true });
}

/** Links instead of writing, so that nobody finds the lock without its holder. */
function taken() {
  const draft = `${lockFile}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    linkSync(draft, lockFile);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isRunning(pid) {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
