import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, ownIdentity } from '../local/process.ts';

/** A folder for this worker's attempts. Those of workers that were killed are removed on the way. */
export function ownScratch(home: string): string {
  const scratch = join(home, 'scratch');
  mkdirSync(scratch, { recursive: true });
  for (const name of readdirSync(scratch)) {
    const [pid = '', ...start] = name.split('-');
    if (!isAlive({ pid: Number(pid), start: start.join('-') })) {
      rmSync(join(scratch, name), { recursive: true, force: true });
    }
  }
  const { pid, start } = ownIdentity();
  const own = join(scratch, `${pid}-${start}`);
  mkdirSync(own);
  return own;
}
