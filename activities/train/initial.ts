import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { hashFile } from '../../artifacts/canonical.ts';
import { isMissing, storeFailure } from '../../artifacts/failures.ts';
import type { Manifest } from '../../artifacts/manifest.ts';
import { F2cError } from '../../errors/failure.ts';
import type { StepContext, StepInput } from '../step.ts';
import type { trainStep } from './contract.ts';

type InitialWeights = Pick<StepInput<typeof trainStep>, 'initFrom' | 'initWeights'>;
type WeightsFile = NonNullable<InitialWeights['initWeights']>;

/** Local path of the weights that a training begins with; null for random ones. F2C_CONFIG_INVALID, F2C_INIT_INVALID. */
export async function initialWeights(
  { initFrom, initWeights }: InitialWeights,
  step: StepContext,
): Promise<string | null> {
  if (initFrom !== undefined && initWeights !== undefined) {
    throw new F2cError('F2C_CONFIG_INVALID', {
      what: '`initFrom` and `initWeights` both say what to begin with',
      where: 'train',
      fix: 'Leave one of them out',
    });
  }
  if (initFrom !== undefined) return linkCheckpoint(initFrom, step);
  return initWeights === undefined ? null : fetchFile(initWeights, step);
}

async function linkCheckpoint(checkpoint: Manifest, step: StepContext): Promise<string> {
  const folder = join(step.workDir, 'initial');
  await mkdir(folder);
  await symlink(await step.open(checkpoint, 'model.safetensors'), join(folder, 'model.safetensors'));
  return folder;
}

/** A copy of the file, of which nobody can change what was verified. */
async function fetchFile({ file, sha256 }: WeightsFile, step: StepContext): Promise<string> {
  const path = join(step.workDir, `initial${extname(file)}`);
  try {
    await (file.startsWith('s3://') ? download(file, path, step) : copyFile(file, path));
  } catch (error) {
    step.signal.throwIfAborted();
    throw isNowhere(error) ? invalid('There is no such file', file, error) : storeFailure(error, file);
  }
  const { digest } = await hashFile(path, step.signal);
  if (digest === sha256) return path;
  throw invalid(`The file has the SHA-256 ${digest}, not ${sha256}`, file);
}

async function download(file: string, path: string, { store, signal }: StepContext): Promise<void> {
  const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.+)$/.exec(file) ?? [];
  const request = new GetObjectCommand({ Bucket, Key });
  const { Body } = await store.bucket.s3.send(request, { abortSignal: signal });
  await writeFile(path, Body as AsyncIterable<Uint8Array>, { signal });
}

function isNowhere(error: unknown): boolean {
  const { name, code } = error as NodeJS.ErrnoException;
  return isMissing(error) || name === 'NoSuchBucket' || code === 'ENOENT';
}

function invalid(what: string, where: string, cause?: unknown): F2cError {
  return new F2cError('F2C_INIT_INVALID', { what, where, fix: 'Correct `initWeights`', cause });
}
