import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../artifacts/canonical.ts';
import { startTestStore, type TestStore } from '../../test/support/store.ts';
import { localStep } from '../evaluate/testdata/local-step.ts';
import { manifestOf } from '../evaluate/testdata/write-index.ts';
import type { StepContext } from '../step.ts';
import { trainStep } from './contract.ts';
import { initialWeights } from './initial.ts';

const content = Buffer.from('weights');
const digest = sha256(content);
let server: TestStore;
let folder: string;
let step: StepContext;

beforeAll(async () => {
  server = await startTestStore();
  await server.store.ensureBucket();
}, 60_000);
afterAll(() => server?.stop());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'f2c-initial-'));
  step = { ...(await localStep(folder)), store: server.store };
});
afterEach(() => rm(folder, { recursive: true }));

/** A file on this machine, or an object in the bucket of the store. */
async function put(where: 'local' | 's3', name: string): Promise<string> {
  if (where === 'local') {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  }
  const { s3, name: bucket } = server.store.bucket;
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `nets/${name}`, Body: content }));
  return `s3://${bucket}/nets/${name}`;
}

function fromFile(file: string, sha: string) {
  const { initWeights } = trainStep.params.parse({ initWeights: { file, sha256: sha } });
  return initialWeights({ initFrom: undefined, initWeights }, step);
}

describe.each(['local', 's3'] as const)('a %s file', (where) => {
  test('is copied under its suffix', async () => {
    const path = await fromFile(await put(where, 'backbone.pth'), digest);
    expect(path).toBe(join(step.workDir, 'initial.pth'));
    expect(await readFile(path as string)).toEqual(content);
  });

  test('with another content is refused', async () => {
    const file = await put(where, 'backbone.pt');
    const other = '0'.repeat(64);
    await expect(fromFile(file, other)).rejects.toMatchObject({
      code: 'F2C_INIT_INVALID',
      message: `The file has the SHA-256 ${digest}, not ${other} (${file}). Correct \`initWeights\`.`,
    });
  });
});

test.each(['/nowhere/model.onnx', 's3://BUCKET/nowhere/model.onnx', 's3://no-such-bucket/model.onnx'])(
  'what is not there is named: %s',
  async (form) => {
    const file = form.replace('BUCKET', server.store.bucket.name);
    await expect(fromFile(file, digest)).rejects.toMatchObject({
      code: 'F2C_INIT_INVALID',
      message: `There is no such file (${file}). Correct \`initWeights\`.`,
    });
  },
);

test.each(['model.onnx', 's3:///model.onnx', 's3://bucket', '/weights.h5', '/.pt/'])(
  '%s is no place of weights',
  (file) => {
    expect(trainStep.params.safeParse({ initWeights: { file, sha256: digest } }).success).toBe(false);
  },
);

test('a checkpoint is given as a folder with its model', async () => {
  const initFrom = manifestOf('checkpoint', ['model.safetensors', 'state.safetensors', 'config.json']);
  const open = (_: unknown, name: string) => put('local', name);
  const path = await initialWeights({ initFrom, initWeights: undefined }, { ...step, open });
  expect(await readFile(join(path as string, 'model.safetensors'))).toEqual(content);
});

test('a training begins with one or none', async () => {
  const initFrom = manifestOf('checkpoint', ['model.safetensors']);
  const initWeights = { file: '/model.onnx', sha256: digest };
  expect(await initialWeights({ initFrom: undefined, initWeights: undefined }, step)).toBe(null);
  await expect(initialWeights({ initFrom, initWeights }, step)).rejects.toMatchObject({
    code: 'F2C_CONFIG_INVALID',
  });
});
