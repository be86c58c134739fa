// Makes a fresh checkout ready: node_modules and .venv. Plain Node, since it runs before anything is
// installed; quick when nothing has changed.
import { existsSync, statfsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { lockSetup } from './setup-lock.mjs';
import { installNodePackages, nodePackagesAreCurrent } from './setup-node.mjs';
import { installPythonPackages, pythonPackagesAreCurrent } from './setup-python.mjs';
import { root, SetupFailure, say } from './setup-steps.mjs';

const neededGiB = 4;

async function setUp() {
  checkNode();
  if (nodePackagesAreCurrent() && pythonPackagesAreCurrent()) return;
  const unlock = await lockSetup();
  try {
    checkDisk();
    if (!nodePackagesAreCurrent()) await installNodePackages();
    if (!pythonPackagesAreCurrent()) await installPythonPackages();
  } finally {
    unlock();
  }
  say('Set-up is done.');
  sayWhereServersAreMissing();
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupFailure(
      'F2C_SETUP_FAILED',
      `This is Node ${process.versions.node}, and f2c needs 20.19 or later. Install it from https://nodejs.org.`,
    );
  }
  if (process.platform === 'win32') {
    throw new SetupFailure('F2C_SETUP_FAILED', 'f2c does not run on Windows itself. Run it inside WSL.');
  }
}

function checkDisk() {
  const { bavail, bsize } = statfsSync(root);
  const freeGiB = (bavail * bsize) / 2 ** 30;
  if (freeGiB < neededGiB) {
    throw new SetupFailure(
      'F2C_DISK_FULL',
      `Set-up needs about ${neededGiB} GiB in ${root}, and ${freeGiB.toFixed(1)} GiB are free. Free some space.`,
    );
  }
}

/** Not an error: a server of one's own does as well. */
function sayWhereServersAreMissing() {
  const folders = [join(root, '.venv', 'bin'), ...(process.env.PATH ?? '').split(delimiter)];
  if (!folders.some((folder) => existsSync(join(folder, 'weed')))) {
    say(
      'The S3 server SeaweedFS has no Python package for this system. Install its program weed ' +
        '(macOS: brew install seaweedfs), or set AWS_ENDPOINT_URL_S3 to a server of your own.',
    );
  }
}

try {
  await setUp();
} catch (error) {
  if (!(error instanceof SetupFailure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
