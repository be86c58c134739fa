import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../local/paths.ts';

const language = join(root, 'language');
const table = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
/** In the order of the table: each may import those before it. */
const folders = [...table.matchAll(/^\| `language\/(\w+)\/` \|/gm)].map(([, folder = '']) => folder);

test('the table of ARCHITECTURE.md names every folder', () => {
  const found = readdirSync(language, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(found.map(({ name }) => name).sort()).toEqual([...folders, 'golden'].sort());
});

test.each(folders)('%s imports what is above it in the table alone', (folder) => {
  const allowed = folders.slice(0, folders.indexOf(folder) + 1);
  const files = readdirSync(join(language, folder)).filter((file) => !file.endsWith('.test.ts'));
  expect(files).not.toEqual([]);
  for (const file of files) {
    const path = join(language, folder, file);
    for (const [, imported = ''] of readFileSync(path, 'utf8').matchAll(/ from '(\.[^']+)'/g)) {
      const from = relative(language, dirname(join(dirname(path), imported)));
      if (!from.startsWith('..')) expect(allowed, `${folder}/${file}: ${imported}`).toContain(from);
    }
  }
});
