import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pipelineFile } from './files.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

it.each([
  ['of another encoding', Buffer.from('name: caf\xe9', 'latin1')],
  ['that is binary', Buffer.from('name: a\0b\u001b[2J')],
])('a file %s is one sentence', async (_, content) => {
  const file = join(folder, 'wrong.yaml');
  await writeFile(file, content);
  await expect(pipelineFile(file)).rejects.toMatchObject({
    code: 'F2C_FILE_UNREADABLE',
    message: `The file is no text in UTF-8 (${file}). Name a pipeline file, or save it as UTF-8.`,
  });
});

it('a folder is one sentence', async () => {
  await expect(pipelineFile(folder)).rejects.toThrow(`This is a folder (${folder}). Name a pipeline file, `);
});
