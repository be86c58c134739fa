import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contracts } from '../activities/registry.ts';
import { usedShipped } from '../activities/usedPipelines.ts';
import { readPipeline } from '../language/check.ts';
import { root } from '../local/paths.ts';
import { f2c } from './support/cli.ts';

const pages = ['README.md', 'ARCHITECTURE.md', ...listed('docs', '.md')];
const scripts = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts;

function listed(folder: string, ending: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`);
}

/** Everything in a page that looks like a command of ours, in code blocks and in the text. */
function commandsOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/(?:npx f2c|npm run|npm test|node )[^`\n#]*/g)].map(([command]) => command.trim());
}

describe.each(pages)('%s', (page) => {
  it.each(commandsOf(page))('%s is a command that there is', async (command) => {
    const words = command.split(/\s+/);
    for (const file of words.filter((word) => /^[\w/-]+\.(yaml|ts|mjs)$/.test(word))) {
      expect(existsSync(join(root, file)), file).toBe(true);
    }
    if (command.startsWith('npm run')) expect(scripts).toHaveProperty(words[2] ?? '');
    if (!command.startsWith('npx f2c')) return;
    const names = words.slice(2).filter((word) => /^[a-z]+$/.test(word));
    const { code, stdout } = await f2c({}, ...names.slice(0, words[3] === names[1] ? 2 : 1), '--help');
    expect(code).toBe(0);
    for (const option of words.filter((word) => word.startsWith('--'))) expect(stdout).toContain(option);
  });

  it('links to files that there are', () => {
    const text = readFileSync(join(root, page), 'utf8');
    const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => link ?? '');
    for (const link of links.filter((each) => !each.startsWith('http'))) {
      expect(existsSync(join(root, page, '..', link)), link).toBe(true);
    }
  });

  it('shows no pipeline that is wrong', async () => {
    const text = readFileSync(join(root, page), 'utf8');
    for (const [, yaml = ''] of text.matchAll(/```yaml\n([\s\S]*?)```/g)) {
      const pipelines = await usedShipped({ text: yaml });
      expect(readPipeline(yaml, contracts, pipelines)).not.toHaveProperty('problems');
    }
  });
});

it('no file holds the marks of a merge that was left half done', () => {
  const marks = '^(<<<<<<<|>>>>>>>)( |$)';
  const { status, stdout } = spawnSync('git', ['grep', '-InE', marks], { cwd: root, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
});

it.each(listed('pipelines', '.yaml'))('%s is valid', async (file) => {
  const text = readFileSync(join(root, file), 'utf8');
  expect(readPipeline(text, contracts, await usedShipped({ text }))).not.toHaveProperty('problems');
});

it('the changelog names every command', async () => {
  const { stdout } = await f2c({}, '--help');
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)]
    .map(([, name]) => name)
    .filter((name) => name !== 'help');
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  expect(commands.length).toBeGreaterThan(8);
  for (const name of commands) expect(changelog).toContain(`\`${name}\``);
});
