import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../artifacts/store.ts';
import { startTestStore, type TestStore } from '../../test/support/store.ts';
import { openSource } from './forms.ts';
import type { SourceEntry } from './source.ts';

const signal = new AbortController().signal;
let server: TestStore;
let bucket: string;

beforeAll(async () => {
  server = await startTestStore();
  await server.store.ensureBucket();
  bucket = server.store.bucket.name;
}, 60_000);
afterAll(() => server?.stop());

async function put(key: string, content: string): Promise<void> {
  await server.store.bucket.s3.send(
    new PutObjectCommand({ Bucket: bucket, Key: key, Body: Buffer.from(content) }),
  );
}

async function list(source: string, store = server.store): Promise<Map<string, SourceEntry>> {
  const found = new Map<string, SourceEntry>();
  for await (const entry of openSource(source, store).list(signal)) found.set(entry.key, entry);
  return found;
}

describe('listing', () => {
  test('lists what lies under the prefix, with or without its last slash', async () => {
    for (const key of ['ann/1.jpg', 'ann/2020/2.jpg', 'bob/1.jpg', 'readme.txt'])
      await put(`faces/${key}`, 'xyz');
    await put('faces2/ann/1.jpg', 'x');
    const found = await list(`s3://${bucket}/faces`);
    expect([...found.keys()].sort()).toEqual(['ann/1.jpg', 'ann/2020/2.jpg', 'bob/1.jpg', 'readme.txt']);
    expect(found.get('ann/2020/2.jpg')).toEqual({
      key: 'ann/2020/2.jpg',
      identity: 'ann',
      size: 3,
      version: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    });
    expect(found.get('readme.txt')?.problem).toBe('it does not lie in the folder of an identity');
    expect(await list(`s3://${bucket}/faces/`)).toEqual(found);
  });

  test('lists more than one page', async () => {
    const keys = Array.from({ length: 1010 }, (_, number) => `many/p${number % 7}/${number}.jpg`);
    for (let at = 0; at < keys.length; at += 32) {
      await Promise.all(keys.slice(at, at + 32).map((key) => put(key, '')));
    }
    expect((await list(`s3://${bucket}/many`)).size).toBe(1010);
  });

  test('the marker of a folder counts only when the folder is empty', async () => {
    for (const key of ['', 'ann/', 'ann/1.jpg', 'bob/', 'zoe/']) await put(`marked/${key}`, '');
    const found = await list(`s3://${bucket}/marked`);
    expect([...found.values()].map(({ key, problem }) => [key, problem]).sort()).toEqual([
      ['ann/1.jpg', undefined],
      ['bob/', 'the folder is empty'],
      ['zoe/', 'the folder is empty'],
    ]);
  });
});

describe('reading', () => {
  test('gives what was listed, and refuses anything else', async () => {
    await put('change/ann/1.jpg', 'first');
    const source = `s3://${bucket}/change`;
    const entry = (await list(source)).get('ann/1.jpg') as SourceEntry;
    const read = () => openSource(source, server.store).read(entry, signal);
    expect((await read()).toString()).toBe('first');
    const changed = {
      code: 'F2C_SOURCE_CHANGED',
      message:
        `The file ann/1.jpg was changed or removed while the source was being read (${source}/). ` +
        'Start a new run when nothing writes to the source any more.',
    };
    await put('change/ann/1.jpg', 'other');
    await expect(read()).rejects.toMatchObject(changed);
    await server.store.bucket.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'change/ann/1.jpg' }));
    await expect(read()).rejects.toMatchObject(changed);
  });
});

describe('sources that cannot be used', () => {
  const upload = 'Correct `source`, or upload the images first: one folder per identity.';

  test('a bucket or a prefix that is not there', async () => {
    await expect(list('s3://no-such-bucket/faces')).rejects.toMatchObject({
      code: 'F2C_SOURCE_MISSING',
      message: `There is no bucket no-such-bucket. ${upload}`,
    });
    await expect(list(`s3://${bucket}/nothing`)).rejects.toMatchObject({
      code: 'F2C_SOURCE_MISSING',
      message: `There is nothing under s3://${bucket}/nothing/. ${upload}`,
    });
  });

  test('wrong keys', async () => {
    const stranger = openStore({ ...server.env, AWS_SECRET_ACCESS_KEY: 'wrong' });
    await expect(list(`s3://${bucket}/faces`, stranger)).rejects.toMatchObject({ code: 'F2C_STORE_DENIED' });
  });

  test.each(['s3://', 's3:///faces', 's3://My_Bucket/faces', 's3://ab'])('%s', (text) => {
    expect(() => openSource(text, server.store)).toThrow(
      expect.objectContaining({
        code: 'F2C_SOURCE_INVALID',
        message:
          `The source \`${text}\` names no S3 bucket. ` +
          'Write `s3://bucket/prefix`; a bucket has 3 to 63 lower-case letters, digits, dots and hyphens.',
      }),
    );
  });

  test.each([
    ['faces', 'is a relative path, and workers run in another folder than you'],
    ['./faces', 'is a relative path, and workers run in another folder than you'],
    ['~/faces', 'is a relative path, and workers run in another folder than you'],
    ['https://example.org/faces', 'is not written in a form that is known'],
  ])('%s', (text, says) => {
    expect(() => openSource(text, server.store)).toThrow(
      expect.objectContaining({
        code: 'F2C_SOURCE_INVALID',
        message:
          `The source \`${text}\` ${says}. ` +
          'Write `s3://bucket/prefix`, an absolute folder such as `/data/faces`, or `sample:att-faces`.',
      }),
    );
  });
});
