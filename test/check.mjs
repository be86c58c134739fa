// Format, lint, types and unused code, TypeScript and Python; says at the end what does not pass.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const trainer = join(root, 'trainer');
const node = (name) => join(root, 'node_modules', '.bin', name);
const python = (name) => join(root, '.venv', 'bin', name);

const checks = [
  { name: 'biome (format and lint)', command: node('biome'), args: ['check', '--error-on-warnings'] },
  { name: 'tsc (types)', command: node('tsc'), args: ['--noEmit'] },
  { name: 'knip (unused code)', command: node('knip'), args: [] },
  {
    name: 'ruff (lint)',
    command: python('ruff'),
    args: ['check', '--config', 'pyproject.toml', '.', '../bench'],
    cwd: trainer,
  },
  {
    name: 'ruff (format)',
    command: python('ruff'),
    args: ['format', '--check', '--config', 'pyproject.toml', '.', '../bench'],
    cwd: trainer,
  },
  { name: 'mypy (types)', command: python('mypy'), args: ['f2c_trainer', 'tests', '../bench'], cwd: trainer },
];

const results = checks.map(({ name, command, args, cwd = root }) => {
  console.log(`\n== ${name}`);
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error) console.error(error.message);
  return { name, passed: status === 0 };
});

console.log('');
for (const { name, passed } of results) console.log(`${passed ? 'pass' : 'FAIL'}  ${name}`);
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
