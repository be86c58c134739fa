import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { root } from '../local/paths.ts';

/** A checkout whose vitest and pytest write the reports that a test gives them. */
let checkout: string;
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'f2c-run-'));
  for (const folder of ['test', 'node_modules/vitest', '.venv/bin']) {
    mkdirSync(join(checkout, folder), { recursive: true });
  }
  copyFileSync(join(root, 'test', 'run.mjs'), join(checkout, 'test', 'run.mjs'));
});
afterEach(() => rmSync(checkout, { recursive: true, force: true }));

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

const allPass: VitestReport = { numPassedTests: 5, numFailedTests: 0, testResults: [] };
const pytestPasses =
  '<testsuites><testsuite name="pytest" errors="0" failures="0" skipped="0" tests="3" time="1">';

function fakeRunners(
  vitest: VitestReport | undefined,
  pytest: string,
  codes = { vitest: 0, pytest: 0 },
): void {
  writeFileSync(
    join(checkout, 'node_modules', 'vitest', 'vitest.mjs'),
    `import { writeFileSync } from 'node:fs';
     const [file] = process.argv.flatMap((arg) => /^--outputFile.json=(.*)/.exec(arg)?.[1] ?? []);
     const report = ${JSON.stringify(vitest)};
     if (report) writeFileSync(file, JSON.stringify(report));
     process.exit(${codes.vitest});`,
  );
  const python = join(checkout, '.venv', 'bin', 'python');
  writeFileSync(
    python,
    `#!/bin/sh
     for arg; do case "$arg" in --junit-xml=*) echo '${pytest}' > "\${arg#--junit-xml=}" ;; esac; done
     exit ${codes.pytest}`,
  );
  chmodSync(python, 0o755);
}

function run(): { status: number | null; lastLine: string | undefined } {
  const { status, stdout } = spawnSync(process.execPath, [join(checkout, 'test', 'run.mjs')], {
    encoding: 'utf8',
  });
  return { status, lastLine: stdout.trimEnd().split('\n').at(-1) };
}

test('adds up both runners', () => {
  fakeRunners(allPass, pytestPasses);
  expect(run()).toEqual({ status: 0, lastLine: '8 passed, 0 failed' });
});

test('counts failed tests, errors of fixtures and files that do not load', () => {
  const testResults = [
    { status: 'failed', assertionResults: [{ status: 'failed' }] },
    { status: 'failed', assertionResults: [] },
  ];
  const pytest =
    '<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="1" tests="7" time="1">';
  fakeRunners({ numPassedTests: 5, numFailedTests: 1, testResults }, pytest, { vitest: 1, pytest: 1 });
  expect(run()).toEqual({ status: 1, lastLine: '8 passed, 5 failed' });
});

test('a runner that breaks without a report is a failure', () => {
  fakeRunners(undefined, pytestPasses, { vitest: 1, pytest: 0 });
  expect(run()).toEqual({ status: 1, lastLine: '3 passed, 1 failed' });
  fakeRunners(allPass, pytestPasses);
  rmSync(join(checkout, '.venv'), { recursive: true });
  expect(run()).toEqual({ status: 1, lastLine: '5 passed, 1 failed' });
});

test('a runner that ends badly although its tests pass is a failure', () => {
  fakeRunners(allPass, pytestPasses, { vitest: 0, pytest: 3 });
  expect(run()).toEqual({ status: 1, lastLine: '8 passed, 1 failed' });
});

test('a runner that finds no tests is a failure', () => {
  fakeRunners({ ...allPass, numPassedTests: 0 }, pytestPasses);
  expect(run()).toEqual({ status: 1, lastLine: '3 passed, 1 failed' });
});
