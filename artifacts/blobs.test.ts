import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { hashFile, sha256 } from './canonical.ts';
import { type BlobRef, blobKey } from './manifest.ts';
import { type ArtifactStore, openStore } from './store.ts';

let server: TestStore;
let store: ArtifactStore;
let folder: string;
beforeAll(async () => {
  server = await startTestStore();
  store = server.store;
  folder = await mkdtemp(join(tmpdir(), 'f2c-blobs-'));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const objectOf = (blob: BlobRef) => ({ Bucket: store.bucket.name, Key: blobKey(blob.digest) });

/** Puts other bytes under a digest, as a broken disk would. */
async function damage(blob: BlobRef, bytes: Uint8Array): Promise<void> {
  await store.bucket.s3.send(new PutObjectCommand({ ...objectOf(blob), Body: bytes }));
}

async function largeFile(name: string, mebibytes: number): Promise<string> {
  const path = join(folder, name);
  const file = await open(path, 'w');
  for (let i = 0; i < mebibytes; i++) await file.write(randomBytes(1 << 20));
  await file.close();
  return path;
}

test('bytes are stored under their digest and read back', async () => {
  const blob = await store.putBlob(Buffer.from('hello'));
  expect(blob).toEqual({ digest: sha256('hello'), size: 5 });
  expect(blobKey(blob.digest)).toBe(`blobs/sha256/2c/${sha256('hello')}`);
  expect((await store.readBlob(blob)).toString()).toBe('hello');
});

test('an empty blob is a blob', async () => {
  const blob = await store.putBlob(new Uint8Array());
  expect(blob.size).toBe(0);
  expect(await store.readBlob(blob)).toHaveLength(0);
  await store.downloadBlob(blob, join(folder, 'empty'));
  expect(await readFile(join(folder, 'empty'))).toHaveLength(0);
});

test('what is there is not uploaded again, until it is removed', async () => {
  const blob = await store.putBlob(Buffer.from('once'));
  await damage(blob, Buffer.from('0nce'));
  await store.putBlob(Buffer.from('once'));
  await expect(store.readBlob(blob)).rejects.toMatchObject({ code: 'F2C_BLOB_CORRUPT' });
  await store.bucket.s3.send(new DeleteObjectCommand(objectOf(blob)));
  await store.putBlob(Buffer.from('once'));
  expect((await store.readBlob(blob)).toString()).toBe('once');
});

test('a blob of the wrong size is not there, and is uploaded again', async () => {
  const blob = await store.putBlob(Buffer.from('whole'));
  await damage(blob, Buffer.from('who'));
  expect(await store.hasBlob(blob)).toBe(false);
  await store.putBlob(Buffer.from('whole'));
  expect(await store.hasBlob(blob)).toBe(true);
});

test('a blob that is not there is named', async () => {
  const digest = 'd'.repeat(64);
  await expect(store.readBlob({ digest, size: 1 })).rejects.toMatchObject({
    code: 'F2C_BLOB_MISSING',
    message:
      `Blob ${digest} is not there (s3://f2c/blobs/sha256/dd/${digest}). ` +
      'Run the pipeline again; the step that made it notices and makes it anew.',
  });
  expect(await store.hasBlob({ digest, size: 1 })).toBe(false);
});

test('an altered blob is refused in memory and on disk, and leaves nothing behind', async () => {
  const blob = await store.putBlob(Buffer.from('truth'));
  await damage(blob, Buffer.from('lies!'));
  const target = join(folder, 'altered', 'file');
  const refusal = {
    code: 'F2C_BLOB_CORRUPT',
    message:
      `Blob ${blob.digest} does not have the content of its digest (s3://f2c/${blobKey(blob.digest)}). ` +
      'Remove this object and run the pipeline again; the step that made it notices and makes it anew.',
  };
  await expect(store.readBlob(blob)).rejects.toMatchObject(refusal);
  await expect(store.downloadBlob(blob, target)).rejects.toMatchObject(refusal);
  expect(await readdir(join(folder, 'altered'))).toEqual([]);
});

test('a truncated blob leaves nothing behind', async () => {
  const bytes = randomBytes(3 << 20);
  const blob = await store.putBlob(bytes);
  await damage(blob, bytes.subarray(0, 2 << 20));
  await expect(store.downloadBlob(blob, join(folder, 'short', 'file'))).rejects.toMatchObject({
    code: 'F2C_BLOB_CORRUPT',
  });
  expect(await readdir(join(folder, 'short'))).toEqual([]);
});

test('a large file goes up in parts of 8 MiB and comes down the same', async () => {
  const path = await largeFile('large', 40);
  const blob = await store.putBlob({ path });
  const { ETag } = await store.bucket.s3.send(new HeadObjectCommand(objectOf(blob)));
  expect(ETag).toMatch(/-5"$/);
  await store.downloadBlob(blob, join(folder, 'large-copy'));
  expect(await hashFile(join(folder, 'large-copy'))).toEqual(blob);
  expect(blob.size).toBe(40 << 20);
});

test('the server keeps the SHA-256 of a blob that went up in one piece', async () => {
  const blob = await store.putBlob(Buffer.from('summed'));
  const answer = await store.bucket.s3.send(
    new GetObjectCommand({ ...objectOf(blob), ChecksumMode: 'ENABLED' }),
  );
  expect(answer.ChecksumSHA256).toBe(Buffer.from(blob.digest, 'hex').toString('base64'));
});

test('a file that changes while it is being stored is not stored, in whole or in part', async () => {
  const path = await largeFile('changing', 20);
  const { digest } = await hashFile(path);
  const own = openStore(server.env);
  // The question whether the blob is there comes between the hashing and the sending.
  own.bucket.s3.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName === 'HeadObjectCommand') await writeFile(path, 'other bytes', { flag: 'r+' });
        return next(args);
      },
    { step: 'initialize' },
  );
  await expect(own.putBlob({ path })).rejects.toThrow(`${path} changed while it was being stored`);
  expect(await store.hasBlob({ digest, size: 20 << 20 })).toBe(false);
  const { Uploads } = await store.bucket.s3.send(new ListMultipartUploadsCommand({ Bucket: 'f2c' }));
  expect(Uploads ?? []).toEqual([]);
});

test('an aborted download ends with the reason and leaves nothing behind', async () => {
  const blob = await store.putBlob({ path: await largeFile('aborted', 20) });
  const controller = new AbortController();
  const download = store.downloadBlob(blob, join(folder, 'stopped', 'file'), { signal: controller.signal });
  controller.abort();
  await expect(download).rejects.toMatchObject({ name: 'AbortError' });
  expect(await readdir(join(folder, 'stopped'))).toEqual([]);
});
