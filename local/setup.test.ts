import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from './paths.ts';

/** A checkout with nothing but set-up in it, and a PATH with nothing but what a test puts there. */
let checkout: string;
let bin: string;
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'f2c-setup-'));
  bin = join(checkout, 'bin');
  for (const folder of ['bin', 'local', 'trainer']) mkdirSync(join(checkout, folder));
  for (const name of readdirSync(join(root, 'local'))) {
    if (name.endsWith('.mjs')) copyFileSync(join(root, 'local', name), join(checkout, 'local', name));
  }
  for (const file of ['local/requirements.txt', 'trainer/requirements.txt', 'trainer/requirements-dev.txt']) {
    writeFileSync(join(checkout, file), '');
  }
  lockPackages({});
});
afterEach(() => rmSync(checkout, { recursive: true, force: true }));

function lockPackages(packages: Record<string, { version: string }>): void {
  writeFileSync(join(checkout, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...packages } }));
}

/** Stands for a program and keeps a record of its calls. */
function fakeProgram(name: string, script: string): void {
  const file = join(bin, name);
  writeFileSync(file, `#!/bin/sh\necho "${name} $*" >> '${join(checkout, 'calls')}'\n${script}\n`);
  chmodSync(file, 0o755);
}

/** A Python whose venv is a copy of itself, and whose pip does `pip`. */
function fakePython(name: string, pip: string): void {
  fakeProgram(
    name,
    `case "$*" in
      *"sys.version_info"*) echo 3.12 ;;
      "-m venv "*) /bin/mkdir -p "$3/bin" && /bin/cp "$0" "$3/bin/python" ;;
      "-m pip install"*) ${pip} ;;
    esac`,
  );
}

function setUp(env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(checkout, 'local', 'setup.mjs')], {
    encoding: 'utf8',
    env: { PATH: bin, CI: 'true', ...env },
  });
  return { status, stdout, stderr };
}

function calls(): string[] {
  const lines = readFileSync(join(checkout, 'calls'), 'utf8').trim().split('\n');
  rmSync(join(checkout, 'calls'));
  return lines;
}

test('without a fitting Python it says so', () => {
  fakeProgram('python3', 'echo 3.9');
  expect(setUp()).toEqual({
    status: 1,
    stdout: '',
    stderr:
      'F2C_PYTHON_MISSING: No Python 3.11, 3.12 or 3.13 is on PATH. ' +
      'Install one, or set F2C_PYTHON_BASE to its program.\n',
  });
  expect(setUp({ F2C_PYTHON_BASE: 'python3' }).stderr).toBe(
    'F2C_PYTHON_MISSING: F2C_PYTHON_BASE=python3 is not a Python 3.11, 3.12 or 3.13. Set it to one.\n',
  );
});

test('a Python without its venv module is not enough', () => {
  fakeProgram('python3', 'echo 3.11; exit 1');
  expect(setUp().stderr).toBe(
    'F2C_PYTHON_MISSING: python3 cannot make virtual environments. ' +
      'Install its venv module (Debian, Ubuntu: apt install python3.11-venv).\n',
  );
});

test('installs once, and again only when something has changed', () => {
  fakePython('python3.12', 'true');
  fakeProgram('weed', '');
  expect(setUp()).toMatchObject({ status: 0, stderr: '' });
  expect(calls().filter((call) => call.includes(' -m '))).toHaveLength(4);

  expect(setUp()).toEqual({ status: 0, stdout: '', stderr: '' });

  writeFileSync(join(checkout, 'trainer', 'requirements.txt'), 'numpy==2.4.6\n');
  expect(setUp().stdout).toContain("Installing the trainer's packages ...\n");
  expect(setUp().stdout).toBe('');
});

test('takes PyTorch from the index that F2C_TORCH_INDEX_URL names, and warns of its size without it', () => {
  fakePython('python3.12', 'true');
  const warning = 'set F2C_TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu';
  const { stdout } = setUp({ CI: '' });
  expect(stdout.includes(warning)).toBe(process.platform === 'linux');
  rmSync(join(checkout, '.venv'), { recursive: true });
  calls();

  expect(setUp({ CI: '', F2C_TORCH_INDEX_URL: 'http://x/cpu' }).stdout).not.toContain(warning);
  expect(calls().filter((call) => call.endsWith('torch==2.13.0 --index-url http://x/cpu'))).toHaveLength(1);
});

test('a failing pip is named with the end of its output, and what it left is not trusted', () => {
  fakePython('python3.12', 'echo "ERROR: no such package" >&2; exit 1');
  const { status, stderr } = setUp();
  expect(status).toBe(1);
  expect(stderr).toBe(
    'F2C_SETUP_FAILED: Installing PyTorch (torch==2.13.0) failed. ' +
      `Look into ${join(checkout, '.f2c', 'setup.log')}, which ends with:\n  ERROR: no such package\n`,
  );

  fakePython('python3.12', 'true');
  const again = setUp();
  expect(again.stdout).toContain('Making .venv with python3.12 (Python 3.12) ...\n');
  expect(again.status).toBe(0);
});

test('a full disk is called that', () => {
  fakePython('python3.12', 'echo "OSError: [Errno 28] No space left on device"; exit 1');
  expect(setUp().stderr).toBe(
    'F2C_DISK_FULL: Installing PyTorch (torch==2.13.0) failed, since the disk is full. Free some space.\n',
  );
});

test('runs npm ci when node_modules is not what package-lock.json says', () => {
  fakePython('python3.12', 'true');
  fakeProgram('npm', '');
  expect(setUp().stdout).not.toContain('Node packages');
  lockPackages({ 'node_modules/yaml': { version: '2.9.1' } });
  expect(setUp().stdout).toContain('Installing the Node packages ...\n');
  expect(calls().at(-1)).toBe('npm ci --no-audit --no-fund');

  mkdirSync(join(checkout, 'node_modules'));
  const installed = join(checkout, 'node_modules', '.package-lock.json');
  writeFileSync(installed, JSON.stringify({ packages: { 'node_modules/yaml': { version: '2.9.0' } } }));
  expect(setUp().stdout).toContain('Installing the Node packages ...\n');
  writeFileSync(installed, JSON.stringify({ packages: { 'node_modules/yaml': { version: '2.9.1' } } }));
  expect(setUp().stdout).toBe('');
});

test('says what to do where the S3 server has no package', () => {
  fakePython('python3.12', 'true');
  expect(setUp().stdout).toContain('set AWS_ENDPOINT_URL_S3 to a server of your own.\n');
});
