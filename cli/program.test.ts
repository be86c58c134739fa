import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { root } from '../local/paths.ts';
import { f2c } from '../test/support/cli.ts';
import { createProgram } from './program.ts';

const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);

describe.each(leaves(createProgram()).map((command) => [command.name(), command] as const))(
  '%s',
  (_, command) => {
    it('says what it does and gives an example', () => {
      let help = '';
      command.configureOutput({
        writeOut: (text) => {
          help += text;
        },
      });
      command.outputHelp();
      expect(command.description()).toMatch(/^[A-Z].*\.$/s);
      expect(help).toContain(
        `  $ npx f2c ${command.parent?.name() === 'f2c' ? '' : `${command.parent?.name()} `}`,
      );
      expect(command.summary()).toMatch(/^[a-z].*[^.]$/s);
    });
  },
);

it('help names what there is for what there is not, and the version is told', async () => {
  const { code, stderr } = await f2c({}, 'help', 'artifact', 'shwo');
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'F2C_USAGE: There is no command shwo. Did you mean "show"?\n',
  });
  expect((await f2c({}, 'help', 'artifact', 'export')).stdout).toMatch(/^Usage: f2c artifact export /);
  expect((await f2c({}, '--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

it.each([['program.ts'], ['actions/validate.ts'], ['actions/stack.ts']])(
  '%s loads no client of a server and nothing that steps work with',
  (file) => {
    const script = `
      import { createRequire } from 'node:module';
      await import(${JSON.stringify(join(root, 'cli', file))});
      console.log(Object.keys(createRequire(${JSON.stringify(import.meta.url)}).cache).join('\\n'));`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    expect(stderr).toBe('');
    const packages = [...stdout.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)].map(([, name]) => name);
    for (const heavy of [/^@aws-sdk/, /^@temporalio/, /^@duckdb/, /^sharp$/, /^onnxruntime/, /^pino$/]) {
      expect(packages.filter((name) => heavy.test(name ?? ''))).toEqual([]);
    }
  },
);
