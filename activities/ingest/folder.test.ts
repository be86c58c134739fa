import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, rm, symlink, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFolderSource } from './folder.ts';
import type { SourceEntry } from './source.ts';
import { writeTree } from './testdata/images.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'f2c-folder-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const signal = new AbortController().signal;

async function list(folder = root): Promise<Map<string, SourceEntry>> {
  const found = new Map<string, SourceEntry>();
  for await (const entry of openFolderSource(folder).list(signal)) found.set(entry.key, entry);
  return found;
}

describe('listing', () => {
  test('the first folder is the identity, however deep a file lies', async () => {
    await writeTree(root, { 'ann/1.jpg': '12345', 'ann/2020/may/2.jpg': '1', 'bob/1.jpg': '' });
    const found = await list();
    expect([...found.keys()].sort()).toEqual(['ann/1.jpg', 'ann/2020/may/2.jpg', 'bob/1.jpg']);
    expect(found.get('ann/2020/may/2.jpg')).toMatchObject({ identity: 'ann', size: 1 });
    expect(found.get('ann/1.jpg')).toEqual({
      key: 'ann/1.jpg',
      identity: 'ann',
      size: 5,
      version: expect.stringMatching(/^\d{19}$/),
    });
  });

  test('a large folder is listed whole', async () => {
    const names = Array.from({ length: 600 }, (_, number) => `ann/${number}.jpg`);
    await writeTree(root, Object.fromEntries(names.map((name) => [name, ''])));
    expect((await list()).size).toBe(600);
  });

  test('what cannot be an image is named with its reason', async () => {
    await writeTree(root, {
      'readme.txt': 'x',
      'empty/': '',
      'ann/1.jpg': '1',
      'ann/more/': '',
      'other/x/1.jpg': '1',
    });
    await symlink('nowhere', join(root, 'ann/gone.jpg'));
    await symlink('../other', join(root, 'ann/other'));
    await symlink('..', join(root, 'ann/more2'));
    execFileSync('mkfifo', [join(root, 'ann/pipe')]);
    const problems = [...(await list()).values()].filter(({ problem }) => problem !== undefined);
    expect(Object.fromEntries(problems.map(({ key, problem }) => [key, problem]))).toEqual({
      'readme.txt': 'it does not lie in the folder of an identity',
      'empty/': 'the folder is empty',
      'ann/more/': 'the folder is empty',
      'ann/gone.jpg': 'it is gone, or a link to nothing',
      'ann/other': 'a link to a folder is not followed inside the folder of an identity',
      'ann/more2': 'a link to a folder is not followed inside the folder of an identity',
      'ann/pipe': 'it is neither a file nor a folder',
    });
  });

  test('links to files, and to the folder of an identity, are followed', async () => {
    await writeTree(root, { 'ann/1.jpg': '123' });
    await symlink('1.jpg', join(root, 'ann/2.jpg'));
    await symlink('ann', join(root, 'bob'));
    const found = await list();
    expect([...found.keys()].sort()).toEqual(['ann/1.jpg', 'ann/2.jpg', 'bob/1.jpg', 'bob/2.jpg']);
    expect(found.get('bob/2.jpg')).toMatchObject({ identity: 'bob', size: 3 });
  });

  test('a name that is not UTF-8 is a problem and not a failure', async () => {
    execFileSync('sh', ['-c', `mkdir ann && : > "ann/$(printf 'a\\377')"`], { cwd: root });
    expect([...(await list()).values()]).toEqual([
      { key: 'ann/a\uFFFD', identity: 'ann', size: 0, version: '', problem: 'its name is not UTF-8' },
    ]);
  });

  test('a folder that is not there', async () => {
    const gone = join(root, 'gone');
    await expect(list(gone)).rejects.toMatchObject({
      code: 'F2C_SOURCE_MISSING',
      message:
        `The source folder ${gone} does not exist. ` +
        'Correct `source`; where workers run on several machines, each worker of the queue data needs the folder.',
    });
  });

  test('a file instead of a folder', async () => {
    await writeTree(root, { 'faces.zip': '' });
    const file = join(root, 'faces.zip');
    await expect(list(file)).rejects.toMatchObject({
      code: 'F2C_SOURCE_INVALID',
      message:
        `The source ${file} is a file, not a folder. ` +
        'Name a folder that has one folder of images per identity.',
    });
  });
});

describe('reading', () => {
  const read = (entry: SourceEntry | undefined) => openFolderSource(root).read(entry as SourceEntry, signal);
  const changed = (how: string) => ({
    code: 'F2C_SOURCE_CHANGED',
    message:
      `The file ann/1.jpg ${how} while the source was being read (${root}). ` +
      'Start a new run when nothing writes to the source any more.',
  });

  test('gives what was listed, and refuses anything else', async () => {
    await writeTree(root, { 'ann/1.jpg': '123' });
    const file = join(root, 'ann/1.jpg');
    const entry = (await list()).get('ann/1.jpg');
    expect((await read(entry)).toString()).toBe('123');
    await utimes(file, 1, 1);
    await expect(read(entry)).rejects.toMatchObject(changed('was changed'));
    await appendFile(file, '4');
    await expect(read(entry)).rejects.toMatchObject(changed('was changed'));
    await rm(file);
    await expect(read(entry)).rejects.toMatchObject(changed('was removed'));
  });
});
