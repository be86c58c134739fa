import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { writeExample } from '../test/support/ownSteps.ts';

let folder: string;
let example: ReturnType<typeof writeExample>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'f2c-own-'));
  example = writeExample(folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

const pathOf = (file: string) => join(example.steps, 'density', file);
const validated = () => f2c({ F2C_STEPS: example.steps }, 'validate', example.pipeline);

function change(file: string, from: string | RegExp, to: string): void {
  const text = readFileSync(pathOf(file), 'utf8');
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  writeFileSync(pathOf(file), changed);
}

test.each([
  ['{ "type": "commonjs" }', 'contract.ts', ' z }', ' z, }'],
  ['{}', 'activity.ts', './contract.ts', './contract.js'],
  ['{}', 'activity.ts', './contract.ts', './contract'],
])('with the package.json %s and in %s %s as %s it is loaded', async (json, file, from, to) => {
  writeFileSync(join(folder, 'package.json'), json);
  change(file, from, to);
  expect(await validated()).toEqual({ code: 0, stdout: `${example.pipeline} is valid.\n`, stderr: '' });
});

test('imports a file beside the step kinds', async () => {
  mkdirSync(join(folder, 'shared'));
  writeFileSync(join(folder, 'shared', 'least.ts'), 'export const least: number = 5;\n');
  change('contract.ts', 'default(5)', 'default(least)');
  change('contract.ts', /^/, "import { least } from '../../shared/least.ts';\n");
  expect((await validated()).stderr).toBe('');
});

test.each([
  ['contract.ts', 'f2c/step', 'f2c', " cannot be loaded: Cannot find package 'f2c' imported from PATH"],
  [
    'contract.ts',
    /$/,
    "import { nothing } from 'f2c/step';\nconsole.log(nothing);\n",
    `:16 cannot be loaded: The requested module 'f2c/step' does not provide an export named 'nothing'`,
  ],
  ['contract.ts', /$/, 'const = 3;\n', ':16:6 cannot be loaded: Expected identifier but found "="'],
  ['contract.ts', /$/, "throw new Error('no luck');\n", ':16:7 cannot be loaded: no luck'],
  [
    'contract.ts',
    /[\s\S]*/,
    'export const nothing = 3;\n',
    ' exports no step kind: `export const … = defineStep({ … })`',
  ],
  [
    'contract.ts',
    "name: 'density'",
    "name: 'dense'",
    ' names its step kind dense, and its folder is density',
  ],
  [
    'contract.ts',
    /z\.strictObject\([\s\S]*?\}\)/,
    '{ least: 5 }',
    ' defines a step kind that is not right: `params` must be made by z.strictObject({ … })',
  ],
  [
    'activity.ts',
    './contract.ts',
    './contrct.ts',
    ` cannot be loaded: Cannot find module 'FOLDER/contrct.ts' imported from PATH`,
  ],
  [
    'activity.ts',
    /implement\(/g,
    'String(',
    ' does not say how density is done: `export const … = implement(CONTRACT, async (…) => …)`',
  ],
  [
    'activity.ts',
    /, async [\s\S]*/,
    ', 3);\n',
    ' gives implement(CONTRACT, WORK) a WORK that is no function',
  ],
])('%s with %s as %s is refused', async (file, from, to, what) => {
  change(file, from, to);
  const { code, stderr } = await validated();
  const said = what.replace('PATH', pathOf(file)).replace('FOLDER', join(example.steps, 'density'));
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      `F2C_CONFIG_INVALID: ${pathOf(file)}${said}. Correct it: docs/own-steps.md shows a step kind that works, ` +
      'made of what "f2c/step" exports.\n',
  });
});

test('a contract that says what the work does not do is refused', async () => {
  change('contract.ts', "queue: 'data',", "queue: 'data', fingerprint: true,");
  expect((await validated()).stderr).toContain(
    `${pathOf('activity.ts')} gives implement(…) no fingerprint as its third argument`,
  );
});

test.each([
  ['activity.ts', 'has a folder density with contract.ts and without activity.ts'],
  ['contract.ts', 'has a folder density with activity.ts and without contract.ts'],
])('a folder without %s is refused', async (file, what) => {
  rmSync(pathOf(file));
  expect((await validated()).stderr).toMatch(
    `F2C_CONFIG_INVALID: The folder of F2C_STEPS, ${example.steps}, ${what}. Give a folder of step kinds,`,
  );
});

test('the folder of one step kind is told from one of step kinds', async () => {
  const { stderr } = await f2c({ F2C_STEPS: join(example.steps, 'density') }, 'validate', example.pipeline);
  expect(stderr).toContain(
    ', has a contract.ts itself, which belongs into a folder named as the step kind. ',
  );
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  expect((await f2c({ F2C_STEPS: empty }, 'list')).stderr).toContain(`${empty}, holds no step kind. `);
});
