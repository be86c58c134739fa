import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { manifestKey } from '../../artifacts/store.ts';
import { trainingKey } from '../../artifacts/trainings.ts';
import type { RunState } from '../../workflows/runTypes.ts';
import { eventually, type Runs } from './runs.ts';

type Step = RunState['steps'][number];

/** Takes an artifact and its training out of the store, so that the same training begins anew. */
export async function forget({ artifact }: Step, { store: { bucket } }: Runs): Promise<void> {
  if (artifact === undefined) throw new Error('the training made nothing');
  for (const Key of [manifestKey(artifact.kind, artifact.key), trainingKey(artifact.key)]) {
    await bucket.s3.send(new DeleteObjectCommand({ Bucket: bucket.name, Key }));
  }
}

/** The step of the newest checkpoint that a training has committed; 0 before the first one. */
export async function checkpointOf({ key = '' }: Step, { store: { bucket } }: Runs): Promise<number> {
  const stored = await bucket.read(trainingKey(key));
  return (stored && JSON.parse(stored.text).checkpoint?.step) ?? 0;
}

/** Waits until the training has committed a checkpoint of a later step. */
export async function checkpointBeyond(training: Step, step: number, runs: Runs): Promise<void> {
  await eventually(async () => ((await checkpointOf(training, runs)) > step ? true : undefined));
}
