// npm run bench -- NAME: runs one benchmark. It prints a table for people and, as its last line, one JSON object.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = dirname(fileURLToPath(import.meta.url));
const root = dirname(bench);
const [name = '', ...options] = process.argv.slice(2);
const script = join(bench, `${name}.py`);

if (existsSync(script)) {
  const child = spawn(join(root, '.venv', 'bin', 'python'), [script, ...options], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PYTHONPATH: join(root, 'trainer') },
  });
  child.once('exit', (code) => {
    process.exitCode = code ?? 1;
  });
} else {
  const names = readdirSync(bench).filter((file) => file.endsWith('.py'));
  console.error(
    `F2C_USAGE: There is no benchmark "${name}". There are: ${names.map((file) => file.slice(0, -3)).join(', ')}.`,
  );
  process.exitCode = 2;
}
