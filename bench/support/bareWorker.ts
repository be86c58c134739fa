/**
 * One of the two workers of the bare workflow, set as the product's own. Its activities ask and fill the store as the
 * product's do, and nothing else: no log, no heartbeats, no folders.
 */
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import {
  keyParts,
  type LookUp,
  type StepDone,
  type WholeTask,
  type WorkTask,
} from '../../activities/tasks.ts';
import { lookUp } from '../../artifacts/lookup.ts';
import type { Manifest } from '../../artifacts/manifest.ts';
import { type ArtifactStore, openStore } from '../../artifacts/store.ts';
import { stepsAtATime } from '../../workers/roles.ts';

export type BareActivities = ReturnType<typeof bareActivities>;
export type NoActivities = { nothing(): Promise<void> };

const code = '0'.repeat(16);

function bareActivities(store: ArtifactStore) {
  return {
    async lookUp(task: WholeTask): Promise<LookUp> {
      const place = { pipeline: task.pipeline, instance: task.step };
      const { key, reason, hit } = await lookUp(store, 'report', keyParts(task), place, code);
      return { key, reason, ...(hit !== undefined && { hit: doneBy(hit) }) };
    },

    async commit(task: WholeTask<WorkTask>): Promise<StepDone> {
      const { manifest } = await store.commit({
        kind: 'report',
        key: task.key,
        files: { 'total.json': await store.putBlob(Buffer.from(JSON.stringify(task.params))) },
        facts: {},
        metrics: { total: 0 },
        measured: {},
        madeBy: {
          step: task.uses,
          instance: task.step,
          version: task.version,
          code,
          run: task.run,
          at: new Date().toISOString(),
        },
        from: keyParts(task),
        inputs: task.inputs,
      });
      return doneBy(manifest);
    },

    async nothing(): Promise<void> {},
  };
}

function doneBy({ kind, key, digest, metrics }: Manifest): StepDone {
  return { artifact: { kind, key, digest }, metrics };
}

const taskQueue = process.argv[2] ?? '';
const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS as string });
const worker = await Worker.create({
  connection,
  taskQueue,
  activities: bareActivities(openStore()),
  ...(taskQueue === 'bare'
    ? {
        workflowsPath: fileURLToPath(new URL('./bareWorkflows.ts', import.meta.url)),
        maxCachedWorkflows: 500,
      }
    : { maxConcurrentActivityTaskExecutions: stepsAtATime.data }),
});
process.once('disconnect', () => worker.shutdown());
process.send?.('ready');
await worker.run();
await connection.close();
