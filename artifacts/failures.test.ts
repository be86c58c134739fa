import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { F2cError } from '../errors/failure.ts';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { storeFailure } from './failures.ts';
import { openStore } from './store.ts';

let server: TestStore;
beforeAll(async () => {
  server = await startTestStore();
});
afterAll(() => server.stop());

const key = 'a'.repeat(64);

async function failureOf(promise: Promise<unknown>): Promise<F2cError> {
  const error = await promise.then(
    () => undefined,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(F2cError);
  return error as F2cError;
}

test('a wrong secret is refused at once, in one sentence', async () => {
  const store = openStore({ ...server.env, AWS_SECRET_ACCESS_KEY: 'wrong' });
  const error = await failureOf(store.find('model', key));
  expect(error.code).toBe('F2C_STORE_DENIED');
  expect(error.message).toBe(
    `The S3 server refuses these credentials: SignatureDoesNotMatch (${server.env.AWS_ENDPOINT_URL_S3}/f2c). ` +
      'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they may do in the bucket.',
  );
  expect((error.cause as { $metadata: { attempts: number } }).$metadata.attempts).toBe(1);
});

test('an unknown access key is refused', async () => {
  const store = openStore({ ...server.env, AWS_ACCESS_KEY_ID: 'nobody' });
  const error = await failureOf(store.putBlob(Buffer.from('x')));
  expect(error.code).toBe('F2C_STORE_DENIED');
});

test('a closed port is a server that does not answer', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => closed.once('listening', resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const store = openStore({ ...server.env, AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}` });
  const error = await failureOf(store.find('model', key));
  expect(error.code).toBe('F2C_STORE_UNREACHABLE');
  expect(error.message).toBe(
    `The S3 server does not answer: ECONNREFUSED (http://127.0.0.1:${port}/f2c). ` +
      'Check that it runs and that AWS_ENDPOINT_URL_S3 names it.',
  );
});

test('a bucket that is not there is not an artifact that is not there', async () => {
  const store = openStore({ ...server.env, F2C_BUCKET: 'elsewhere' });
  const error = await failureOf(store.find('model', key));
  expect(error.code).toBe('F2C_BUCKET_MISSING');
  expect(error.message).toBe(
    `The bucket does not exist (${server.env.AWS_ENDPOINT_URL_S3}/elsewhere). ` +
      'Create it, or name another one in F2C_BUCKET.',
  );
});

test('ensureBucket makes the bucket, also when several do at once, and leaves an existing one alone', async () => {
  const store = openStore({ ...server.env, F2C_BUCKET: 'made-here' });
  await Promise.all(Array.from({ length: 4 }, () => store.ensureBucket()));
  await store.putBlob(Buffer.from('kept'));
  await store.ensureBucket();
  expect(await store.hasBlob(await store.putBlob(Buffer.from('kept')))).toBe(true);
});

test('a full disk is named with the file that did not fit', () => {
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC', path: '/cache/x' });
  const error = storeFailure(full, 'http://s3/f2c');
  expect(error).toMatchObject({
    code: 'F2C_DISK_FULL',
    message: 'The local disk is full (/cache/x). Make room; the step goes on by itself.',
  });
});

test('an overloaded server counts as one that does not answer', () => {
  const slow = Object.assign(new Error(), { name: 'SlowDown', $metadata: { httpStatusCode: 503 } });
  expect(storeFailure(slow, 'http://s3/f2c')).toMatchObject({
    code: 'F2C_STORE_UNREACHABLE',
    parts: { what: 'The S3 server does not answer: SlowDown' },
  });
});

test('a defect stays what it is', () => {
  const defect = new TypeError('x is not a function');
  expect(storeFailure(defect, 'http://s3/f2c')).toBe(defect);
});
