// How set-up speaks, runs programs and fails.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const logFile = join(root, '.f2c', 'setup.log');

const stillEveryMs = 30_000;

export class SetupFailure extends Error {
  /** `text`: what is wrong, and what to do about it. */
  constructor(code, text) {
    super(`${code}: ${text}`);
  }
}

export function say(line) {
  console.log(line);
}

/** Runs one program with its output in the log; says what is going on and, now and then, that it still is. */
export async function step(title, command, args, env = process.env) {
  say(`${title} ...`);
  const since = Date.now();
  const seconds = () => Math.round((Date.now() - since) / 1000);
  const still = setInterval(() => say(`  still at it after ${seconds()} s`), stillEveryMs);
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  writeSync(log, `\n== ${new Date().toISOString()} ${command} ${args.join(' ')}\n`);
  const from = readFileSync(logFile, 'utf8').length;
  let code;
  try {
    code = await exitCode(command, args, env, log);
  } finally {
    clearInterval(still);
    closeSync(log);
  }
  if (code !== 0) throw failure(title, readFileSync(logFile, 'utf8').slice(from));
  say(`  done in ${seconds()} s`);
}

function exitCode(command, args, env, log) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', log, log] });
    child.once('error', reject);
    child.once('exit', resolve);
  });
}

function failure(title, output) {
  const tail = output.trimEnd().split('\n').slice(-8).join('\n  ');
  if (/No space left on device|ENOSPC/.test(output)) {
    return new SetupFailure('F2C_DISK_FULL', `${title} failed, since the disk is full. Free some space.`);
  }
  return new SetupFailure(
    'F2C_SETUP_FAILED',
    `${title} failed. Look into ${logFile}, which ends with:\n  ${tail}`,
  );
}

/** One digest of files and texts, by which a later set-up sees whether anything has changed. */
export function digestOf(files, texts) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(existsSync(file) ? readFileSync(file) : '').update('\0');
  for (const text of texts) hash.update(text).update('\0');
  return hash.digest('hex');
}
