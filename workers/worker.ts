import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import type { WorkerOptionsWithDefaults } from '@temporalio/worker/lib/worker-options';
import type { DestinationStream, Logger } from 'pino';
import { controlActivities, fingerprintActivity } from '../activities/control.ts';
import { contracts } from '../activities/registry.ts';
import { stepActivity } from '../activities/runner.ts';
import { TaskQueues } from '../activities/taskQueues.ts';
import { LoadedManifests } from '../artifacts/loaded.ts';
import { openStore } from '../artifacts/store.ts';
import { homeFolder } from '../local/paths.ts';
import { openCache } from './cache.ts';
import { type Role, stepsAtATime } from './roles.ts';
import { ownScratch } from './scratch.ts';
import { connect, ensureSearchAttributes, installRuntime } from './temporal.ts';

const workflowsPath = fileURLToPath(new URL('../workflows/registered.ts', import.meta.url));

/** Makes what Temporal's UI shows of a run when it asks. */
const detailsPath = fileURLToPath(new URL('../workflows/askedDetails.ts', import.meta.url));

const payloadConverterPath = fileURLToPath(new URL('../workflows/converter.ts', import.meta.url));

/** Runs of pipelines whose state is kept in memory; others are replayed when something happens to them. */
const maxCachedWorkflows = 500;

/**
 * How long one task of a workflow may compute. It is milliseconds; but a machine that is overloaded or was suspended may
 * let the worker stand still for longer than the SDK's 5 s, and a worker does not survive that such a task is cut off.
 * The SDK takes the option without declaring it.
 */
export const workflowPatience: Pick<WorkerOptionsWithDefaults, 'isolateExecutionTimeout'> = {
  isolateExecutionTimeout: '1m',
};

/** Often enough for progress bars and for a cancellation to arrive within a second. */
const heartbeats = {
  maxHeartbeatThrottleInterval: '1s',
  defaultHeartbeatThrottleInterval: '1s',
} as const;

/** A worker that is connected and ready to poll. It stops at SIGTERM: steps are told, and given a minute. */
export async function startWorker({
  role,
  queue,
  log,
  out,
}: {
  role: Role;
  queue: string;
  log: Logger;
  /** Where `log` goes; the lines of the steps go there as well. */
  out: DestinationStream;
}): Promise<Worker> {
  installRuntime(log);
  const store = openStore();
  // Every step that such a worker took would fail, and many for good.
  await store.requireCredentials();
  const { connection, namespace } = await connect();
  const common = { connection, namespace, taskQueue: queue, identity: `${role}@${process.pid}` };
  if (role === 'control') {
    await ensureSearchAttributes(connection, namespace);
    return await Worker.create({
      ...common,
      workflowsPath,
      dataConverter: { payloadConverterPath },
      interceptors: { workflowModules: [detailsPath] },
      activities: controlActivities(store, new TaskQueues(connection.workflowService, namespace)),
      maxCachedWorkflows,
      ...workflowPatience,
      ...heartbeats,
      shutdownGraceTime: 0,
      shutdownForceTime: '10s',
    });
  }
  const home = homeFolder();
  const kept = { loaded: new LoadedManifests(store), cache: await openCache(home) };
  const tools = { store, ...kept, scratch: ownScratch(home), log: out };
  const steps = Object.keys(contracts).map((name) => [name, stepActivity(name, tools)]);
  return await Worker.create({
    ...common,
    activities: { ...Object.fromEntries(steps), fingerprint: fingerprintActivity(store) },
    maxConcurrentActivityTaskExecutions: stepsAtATime[role],
    ...heartbeats,
    shutdownGraceTime: 0,
    shutdownForceTime: '60s',
  });
}
