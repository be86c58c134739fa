import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { registry } from '../testing.ts';
import { referencePage } from './page.ts';

test('docs/pipelines.md is current; `f2c reference > docs/pipelines.md` makes it so', () => {
  const page = readFileSync(new URL('../../docs/pipelines.md', import.meta.url), 'utf8');
  expect(page).toBe(referencePage(registry));
});

test('the page has every key of the language and of the step kinds', () => {
  const page = referencePage(registry);
  for (const { name, params, inputs } of Object.values(registry)) {
    expect(page).toContain(`\n### ${name}\n`);
    for (const key of [...Object.keys(params.shape), ...Object.keys(inputs)])
      expect(page).toContain(`| \`${key}\` |`);
  }
  expect(page).toContain(
    '| `timeout` | duration |  | How long a person has for it; without limit if not given |',
  );
  expect(page).toContain('| `dataset` | dataset | required | |');
  expect(page).toContain('| `uses` | string | required |');
  expect(page).toContain('| `items` | `string`, `integer`, `number`, `boolean` or map | required |');
  expect(page).not.toContain('undefined');
  expect(page).not.toContain('[object Object]');
});
