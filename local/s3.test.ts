import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { processesOf } from '../test/support/processes.ts';
import { choosePorts, type Ports } from './ports.ts';
import { type S3Server, startS3 } from './s3.ts';

let home: string;
let ports: Ports;
let server: S3Server;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'f2c-s3-'));
  ports = await choosePorts(home, {});
  server = await startS3({ home, ports });
});
afterAll(async () => {
  await server.stop();
  rmSync(home, { recursive: true, force: true });
});

async function put(key: string, body: string): Promise<void> {
  await withClient((client) => client.send(new PutObjectCommand({ Bucket: 'f2c', Key: key, Body: body })));
}

async function get(key: string): Promise<string | undefined> {
  return withClient(async (client) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: 'f2c', Key: key }));
    return Body?.transformToString();
  });
}

async function withClient<T>(use: (client: S3Client) => Promise<T>): Promise<T> {
  const { env } = server;
  const client = new S3Client({
    endpoint: env.AWS_ENDPOINT_URL_S3,
    region: env.AWS_REGION,
    forcePathStyle: true,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
  });
  try {
    return await use(client);
  } finally {
    client.destroy();
  }
}

test('nothing is readable without credentials, on S3 and on the ports behind it', async () => {
  await put('secret', 'face');
  const status = async (port: number, path: string) =>
    (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  expect(await status(ports.s3, '/f2c/secret')).toBe(403);
  expect(await status(ports.s3Filer, '/buckets/f2c/secret')).toBe(401);
  expect(statSync(join(home, 's3-identity.json')).mode & 0o777).toBe(0o600);
});

test('conditional writes exclude each other from the first moment on', () => {
  // What a start waits for. A version that words it otherwise shows here.
  expect(readFileSync(server.child.log, 'utf8')).toMatch(/LockRing: s3@\S+ received ring update/);
});

test('objects and credentials outlive a stop', async () => {
  await put('kept', 'stopped');
  const { env } = server;
  await server.stop();
  expect(processesOf(server.child.pid)).toEqual([]);
  server = await startS3({ home, ports });
  expect(server.env).toEqual(env);
  expect(await get('kept')).toBe('stopped');
});

test('objects outlive SIGKILL and a move to other ports', async () => {
  await put('kept', 'killed');
  process.kill(-server.child.pid, 'SIGKILL');
  await server.child.exited;
  await server.stop();
  expect(socketsOf(ports)).toEqual([]);

  rmSync(join(home, 'stack.json'));
  ports = await choosePorts(home, {});
  server = await startS3({ home, ports });
  expect(await get('kept')).toBe('killed');
});

function socketsOf({ s3, s3Filer }: Ports): string[] {
  return readdirSync('/tmp').filter(
    (name) => name.includes(`-${s3}.sock`) || name.includes(`-${s3Filer}.sock`),
  );
}
