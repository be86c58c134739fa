import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { F2cError } from '../errors/failure.ts';
import type { Child } from './child.ts';
import { startChild } from './child.ts';
import { findBinary } from './paths.ts';
import type { Ports } from './ports.ts';
import { untilReady } from './ready.ts';

/** What those who use the server have in their environment. */
interface S3Env extends Record<string, string> {
  AWS_ACCESS_KEY_ID: string;
  AWS_SECRET_ACCESS_KEY: string;
  AWS_REGION: string;
  AWS_ENDPOINT_URL_S3: string;
  F2C_BUCKET: string;
}

export interface S3Server {
  readonly env: S3Env;
  readonly child: Child;
  stop(): Promise<void>;
}

export interface S3Options {
  home: string;
  ports: Ports;
  /** Gives up a start. */
  signal?: AbortSignal;
}

const bucket = 'f2c';

const probeLimitMs = 5_000;
const ownersLimitMs = 5_000;

/** Starts SeaweedFS on loopback over the data in `<home>/s3`; ready when signed puts and gets work, also conditional ones. */
export async function startS3({ home, ports, signal }: S3Options): Promise<S3Server> {
  const weed = findBinary('weed');
  if (weed === undefined) {
    throw new F2cError('F2C_STACK_FAILED', {
      what: 'The S3 server is not installed',
      fix: 'Run npm run setup, or put the program weed of SeaweedFS on PATH, or set AWS_ENDPOINT_URL_S3 to a server of your own',
    });
  }
  const data = join(home, 's3');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const identityFile = join(home, 's3-identity.json');
  const credentials = credentialsIn(identityFile);
  removeSockets(ports);
  const child = startChild({
    command: weed,
    args: [
      // Its default is files in the folder for temporary ones.
      '-logtostderr=true',
      'mini',
      `-dir=${data}`,
      '-ip=127.0.0.1',
      '-ip.bind=127.0.0.1',
      `-s3.config=${identityFile}`,
      `-s3.port=${ports.s3}`,
      `-master.port=${ports.s3Master}`,
      `-volume.port=${ports.s3Volume}`,
      `-filer.port=${ports.s3Filer}`,
      `-admin.port=${ports.s3Admin}`,
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
      '-webdav=false',
      '-admin.ui=false',
      '-master.telemetry=false',
      // After SIGKILL, the one master would wait 5 to 20 s for an election; what it resumes, it also learns from
      // the volumes.
      '-master.resumeState=false',
    ],
    env: { ...process.env, GOMEMLIMIT: '256MiB', ...internalKeys() },
    cwd: data,
    log: join(home, 'logs', 's3.log'),
  });
  const env: S3Env = {
    AWS_ACCESS_KEY_ID: credentials.accessKey,
    AWS_SECRET_ACCESS_KEY: credentials.secretKey,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${ports.s3}`,
    F2C_BUCKET: bucket,
  };
  const stop = async () => {
    await child.stop();
    removeSockets(ports);
  };
  try {
    await untilReady(
      'The S3 server',
      child,
      async () => {
        // The last one to open. A request that comes while the filer is still starting makes the S3 part lose
        // it for up to a minute.
        await connect(ports.s3Admin);
        await putAndGet(env);
      },
      signal,
    );
    await untilKeysHaveOwners(child.log, signal);
  } catch (error) {
    await stop();
    throw error;
  }
  return { env, child, stop };
}

/** One identity with all rights, made at the first start and kept. */
function credentialsIn(file: string): { accessKey: string; secretKey: string } {
  if (!existsSync(file)) {
    const made = { accessKey: randomBytes(10).toString('hex'), secretKey: randomBytes(20).toString('hex') };
    const actions = ['Admin', 'Read', 'List', 'Tagging', 'Write'];
    const identities = [{ name: 'f2c', credentials: [made], actions }];
    writeFileSync(file, JSON.stringify({ identities }), { mode: 0o600 });
  }
  const { identities } = JSON.parse(readFileSync(file, 'utf8'));
  return identities[0].credentials[0];
}

/** Without these keys, the ports behind S3 serve and accept everything without credentials. */
function internalKeys(): Record<string, string> {
  const names = [
    'JWT_SIGNING_KEY',
    'JWT_SIGNING_READ_KEY',
    'JWT_FILER_SIGNING_KEY',
    'JWT_FILER_SIGNING_READ_KEY',
  ];
  return Object.fromEntries(names.map((name) => [`WEED_${name}`, randomBytes(32).toString('hex')]));
}

async function putAndGet(env: S3Env): Promise<void> {
  const abortSignal = AbortSignal.timeout(probeLimitMs);
  const client = new S3Client({
    endpoint: env.AWS_ENDPOINT_URL_S3,
    region: env.AWS_REGION,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
  });
  try {
    await client
      .send(new CreateBucketCommand({ Bucket: bucket }), { abortSignal })
      .catch(unlessBucketIsThere);
    const place = { Bucket: bucket, Key: '.ready' };
    await client.send(new PutObjectCommand({ ...place, Body: 'ready' }), { abortSignal });
    const { Body } = await client.send(new GetObjectCommand(place), { abortSignal });
    await Body?.transformToString();
  } finally {
    client.destroy();
  }
}

/**
 * About a second after its start the S3 part hears which filer owns which key. Conditional writes take a lock
 * before that and go to the owner after it, and the two do not exclude each other: of writers of one key at
 * that moment, two could succeed. Only the log tells it; a version that words it otherwise is not waited for
 * any longer.
 */
async function untilKeysHaveOwners(log: string, signal?: AbortSignal): Promise<void> {
  const deadline = Date.now() + ownersLimitMs;
  while (Date.now() < deadline && !/LockRing: s3@\S+ received ring update/.test(readFileSync(log, 'utf8'))) {
    signal?.throwIfAborted();
    await sleep(20);
  }
}

function connect(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

function unlessBucketIsThere(error: Error): void {
  if (error.name !== 'BucketAlreadyOwnedByYou' && error.name !== 'BucketAlreadyExists') throw error;
}

/** SeaweedFS leaves its sockets in /tmp when it is killed; their names end with its ports. */
function removeSockets(ports: Ports): void {
  const own = [ports.s3, ports.s3Master, ports.s3Volume, ports.s3Filer, ports.s3Admin];
  const ends = own.flatMap((port) => [`-${port}.sock`, `-${port + 10_000}.sock`]);
  for (const name of readdirSync('/tmp')) {
    if (name.startsWith('seaweedfs-') && ends.some((end) => name.endsWith(end))) {
      rmSync(join('/tmp', name), { force: true });
    }
  }
}
