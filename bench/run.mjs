// npm run bench -- NAME: runs one benchmark. It prints a table for people and, as its last line, one JSON object.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, extname, join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';

const bench = dirname(fileURLToPath(import.meta.url));
const root = dirname(bench);
const [name = '', ...options] = process.argv.slice(2);
/** By the ending of the script. */
const runners = {
  '.py': [join(root, '.venv', 'bin', 'python')],
  '.ts': [process.execPath, '--import', 'tsx'],
};
const ending = Object.keys(runners).find((each) => existsSync(join(bench, `${name}${each}`)));

if (ending !== undefined) {
  const [program, ...before] = runners[ending];
  const child = spawn(program, [...before, join(bench, `${name}${ending}`), ...options], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PYTHONPATH: join(root, 'trainer') },
  });
  child.once('exit', (code) => {
    process.exitCode = code ?? 1;
  });
} else {
  const names = readdirSync(bench).flatMap((file) => (extname(file) in runners ? [parse(file).name] : []));
  console.error(`F2C_USAGE: There is no benchmark "${name}". There are: ${names.join(', ')}.`);
  process.exitCode = 2;
}
