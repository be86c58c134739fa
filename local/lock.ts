import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { F2cError } from '../errors/failure.ts';
import type { ProcessIdentity } from './process.ts';
import { isAlive, ownIdentity } from './process.ts';

interface Holder extends ProcessIdentity {
  id: string;
}

/** Makes this process the only one that runs the stack of a home; returns the release. */
export function lockHome(home: string): () => void {
  mkdirSync(home, { recursive: true });
  const own: Holder = { ...ownIdentity(), id: randomUUID() };
  const draft = join(home, `stack.lock.${own.id}`);
  writeFileSync(draft, JSON.stringify(own));
  try {
    while (!linked(draft, lockFile(home))) {
      const holder = readHolder(home);
      if (holder === undefined) continue;
      if (isAlive(holder)) {
        throw new F2cError('F2C_STACK_RUNNING', {
          what: `The stack of ${home} is running already`,
          where: `process ${holder.pid}`,
          fix: 'Use it, or end it with `npx f2c down`',
        });
      }
      removeStale(home, holder);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return () => {
    if (readHolder(home)?.id === own.id) rmSync(lockFile(home), { force: true });
  };
}

/** The living process that holds the lock. */
export function lockHolder(home: string): ProcessIdentity | undefined {
  const holder = readHolder(home);
  return holder !== undefined && isAlive(holder) ? holder : undefined;
}

/**
 * Two processes may find the same dead holder, and the slower one must not remove the lock that the faster
 * one has just taken: only who makes the folder named after the dead holder may remove its lock.
 */
function removeStale(home: string, holder: Holder): void {
  const permit = join(home, `stack.lock.${holder.id}.stale`);
  try {
    mkdirSync(permit);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  if (readHolder(home)?.id === holder.id) rmSync(lockFile(home), { force: true });
  rmdirSync(permit);
}

/** Links instead of writing, so that the lock is never seen half written. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(home: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(lockFile(home), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function lockFile(home: string): string {
  return join(home, 'stack.lock');
}
