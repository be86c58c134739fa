// npx tsx test/histories/record.ts: runs what recordings.ts lists and this folder lacks on a stack of its own, and
// keeps the histories here. It writes over none: each stands for the runs of its time.
import { existsSync, writeFileSync } from 'node:fs';
import { homedir, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../local/paths.ts';
import { Runs } from '../support/runs.ts';
import { startTestStack } from '../support/stack.ts';
import { printHistory, readable } from './neutral.ts';
import { recordings } from './recordings.ts';

const fileOf = (name: string) => join(import.meta.dirname, `${name}.json`);
const missing = Object.entries(recordings).filter(([name]) => !existsSync(fileOf(name)));

const stack = await startTestStack({ workers: true });
const runs = await Runs.open(stack);
try {
  for (const [name, record] of missing) {
    const handle = await record(runs);
    const text = printHistory(await handle.fetchHistory());
    refuseNames(text);
    writeFileSync(fileOf(name), text);
    console.log(`${name}.json: ${text.split('\n').length - 3} events, ${Math.ceil(text.length / 1024)} KiB`);
  }
} finally {
  await runs.close();
  await stack.stop();
}

/** The test knows what paths look like, but only this machine knows its names. */
function refuseNames(text: string): void {
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret } = stack.env;
  const names = [root, stack.home, homedir(), tmpdir(), hostname(), id, secret].filter(
    (name) => name !== undefined && name !== '',
  );
  const found = names.find((name) => readable(text).includes(name as string));
  if (found !== undefined) throw new Error(`the history would hold "${found}" of this machine`);
}
