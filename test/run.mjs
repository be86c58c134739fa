// Runs all tests, TypeScript and Python; the last line is `N passed, M failed`.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const reports = mkdtempSync(join(tmpdir(), 'f2c-tests-'));

/** A runner that broke, or that found nothing to run, has one failure more than its report says. */
async function runTests(command, args, env, readReport) {
  const code = await exitCode(command, args, env);
  let counts;
  try {
    counts = readReport();
  } catch {
    counts = { passed: 0, failed: 0 };
  }
  const broken = counts.failed === 0 && (code !== 0 || counts.passed === 0);
  return broken ? { ...counts, failed: 1 } : counts;
}

function exitCode(command, args, env) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: 'inherit' });
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(1);
    });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function vitestCounts(file) {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(file, 'utf8'));
  // A file that does not load, or whose set-up fails, fails without a failing test.
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  ).length;
  return { passed: numPassedTests, failed: numFailedTests + brokenFiles };
}

function pytestCounts(file) {
  const [suite] = /<testsuite .*?>/.exec(readFileSync(file, 'utf8'));
  const count = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)[1]);
  const failed = count('failures') + count('errors');
  return { passed: count('tests') - failed - count('skipped'), failed };
}

try {
  const vitestReport = join(reports, 'vitest.json');
  const typescript = await runTests(
    process.execPath,
    [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${vitestReport}`,
    ],
    {},
    () => vitestCounts(vitestReport),
  );
  const pytestReport = join(reports, 'pytest.xml');
  const python = await runTests(
    join(root, '.venv', 'bin', 'python'),
    ['-m', 'pytest', 'trainer', `--junit-xml=${pytestReport}`],
    { PYTHONPATH: join(root, 'trainer') },
    () => pytestCounts(pytestReport),
  );
  const passed = typescript.passed + python.passed;
  const failed = typescript.failed + python.failed;
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`${passed} passed, ${failed} failed`);
} finally {
  rmSync(reports, { recursive: true, force: true });
}
