import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { activityInfo, Context } from '@temporalio/activity';
import type { DestinationStream, Logger } from 'pino';
import { z } from 'zod';
import type { BlobCache } from '../artifacts/cache.ts';
import type { LoadedManifests } from '../artifacts/loaded.ts';
import type { Attempt } from '../artifacts/logs.ts';
import type { ArtifactRef, BlobRef, Manifest } from '../artifacts/manifest.ts';
import { forEachParallel } from '../artifacts/parallel.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { AttemptPlace } from '../artifacts/trainings.ts';
import { F2cError } from '../errors/failure.ts';
import { artifactOutput, type StepContract } from '../language/contract/step.ts';
import { progressLog, withAttemptLog } from './attemptLog.ts';
import { asActivity, queuedMs, stopReason } from './boundary.ts';
import { codeDigest } from './code.ts';
import { wholeTask } from './gathered.ts';
import { madeFaults } from './madeFaults.ts';
import { loadImplementation } from './registry.ts';
import { withSecrets } from './secretValues.ts';
import type { Made, StepContext, StepImplementation, StepInput } from './step.ts';
import { keyParts, type StepDone, type WholeTask, type WorkDone, type WorkTask } from './tasks.ts';

/** What a worker lends to the steps that it runs. */
export interface WorkerTools {
  store: ArtifactStore;
  /** The inputs of its steps. */
  loaded: LoadedManifests;
  cache: BlobCache;
  /** Where the worker's own log goes. */
  log: DestinationStream;
  /** Folder in which every attempt gets a folder of its own. */
  scratch: string;
}

/** The activity of a step kind: loads the inputs, does the work, uploads what was made, commits the manifest. */
export function stepActivity(uses: string, tools: WorkerTools): (task: WorkTask) => Promise<WorkDone> {
  return (task) =>
    asActivity(async (signal, progress) => {
      const waited = { queuedMs: queuedMs() };
      const implementation = await loadImplementation(uses);
      await mkdir(tools.scratch, { recursive: true });
      const startedAt = performance.now();
      const folder = await mkdtemp(join(tools.scratch, `${uses}-`));
      const attempt = attemptOf(task);
      const log = { folder: join(folder, 'log'), bucket: tools.store.bucket, workerLog: tools.log };
      try {
        return await withAttemptLog(attempt, { ...log, stopped: stopReason }, async (log) => {
          if (task.unserved) tellBegun(task.step, log);
          const context = await contextOf(task, folder, tools, { signal, progress, log });
          const whole = await wholeTask(tools.store, task);
          const load = (ref: ArtifactRef) => tools.loaded.load(ref, attempt.execution);
          const made = await work(implementation, whole, context, load);
          return { ...(await commit(implementation, whole, made, startedAt, tools.store)), ...waited };
        });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
}

/** Tells a run that believes that no worker is there. Only people miss it where it does not get through. */
function tellBegun(step: string, log: Logger): void {
  const { workflow, execution } = placeOf();
  const told = Context.current().client.workflow.getHandle(workflow, execution).signal('begun', step);
  told.catch((err: unknown) => log.warn({ err }, 'the run cannot be told that its work begins'));
}

/** Activity ids are `<step instance>#<attempt>`. */
function attemptOf({ run, step, ...task }: WorkTask): Attempt {
  const { execution, activity } = placeOf();
  return {
    run,
    execution: task.execution ?? execution,
    step,
    attempt: Number(activity.slice(activity.lastIndexOf('#') + 1)),
  };
}

function placeOf(): AttemptPlace {
  const { activityId: activity, workflowExecution } = activityInfo();
  if (workflowExecution === undefined) throw new Error('a step is an activity of a run');
  return { workflow: workflowExecution.workflowId, execution: workflowExecution.runId, activity };
}

/** In the attempt's folder there are one for the work, and one that holds the inputs that were opened. */
async function contextOf(
  task: WorkTask,
  attempt: string,
  { store, cache }: WorkerTools,
  { signal, progress, log }: Pick<StepContext, 'signal' | 'progress' | 'log'>,
): Promise<StepContext> {
  const [workDir, inputs] = [join(attempt, 'work'), join(attempt, 'inputs')];
  for (const folder of [workDir, inputs]) await mkdir(folder);
  const opened = new Map<string, Promise<void>>();
  const logProgress = progressLog(log);
  return {
    key: task.key,
    run: task.run,
    pipeline: task.pipeline,
    instance: task.step,
    written: task.params,
    ...(task.fingerprint === undefined ? {} : { fingerprint: task.fingerprint }),
    ...(task.force === undefined || task.repair === undefined ? {} : { replaces: task.repair }),
    place: placeOf(),
    store,
    workDir,
    processes: task.processesPerNode ?? 1,
    signal,
    log,
    progress: (latest) => {
      progress(latest);
      logProgress(latest);
    },
    open: async (artifact, file) => {
      const blob = blobOf(artifact, file);
      const path = join(inputs, blob.digest);
      const linked = opened.get(blob.digest) ?? cache.link(blob, store, path, signal);
      opened.set(blob.digest, linked);
      await linked;
      return path;
    },
    link: (artifact, file, path, signal) => cache.link(blobOf(artifact, file), store, path, signal),
    cacheBytes: cache.limit,
  };
}

function blobOf(artifact: Manifest, file: string): BlobRef {
  const blob = artifact.files[file];
  if (blob !== undefined) return blob;
  throw new F2cError('F2C_DATA_CORRUPT', {
    what: `The ${artifact.kind} ${artifact.key} has no file ${file}`,
  });
}

type Load = (ref: ArtifactRef) => Promise<Manifest>;

async function work(
  { contract, work }: StepImplementation,
  task: WholeTask<WorkTask>,
  context: StepContext,
  load: Load,
): Promise<Made> {
  const inputs: Record<string, Manifest | Manifest[]> = {};
  for (const [name, ref] of Object.entries(task.inputs)) {
    inputs[name] = Array.isArray(ref) ? await loadAll(ref, load) : await load(ref);
  }
  const params = contract.params.safeParse(withSecrets(task));
  if (!params.success) {
    // Only what another step measured can still be wrong here: literals were checked before the run.
    const what = `The params of ${task.step} do not fit: ${z.prettifyError(params.error)}`;
    throw new F2cError('F2C_CONFIG_INVALID', { what, fix: 'Correct the reference in its `with`' });
  }
  const made = await work({ ...params.data, ...inputs } as StepInput<StepContract>, context);
  const faults = madeFaults(made, contract);
  if (faults.length === 0) return made;
  throw new F2cError('F2C_CONFIG_INVALID', {
    what: `What the work of ${contract.name} returns is not right: ${faults.join('; ')}`,
    fix: 'Correct its activity.ts',
  });
}

async function loadAll(refs: ArtifactRef[], load: Load): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  await forEachParallel(refs.entries(), 32, async ([index, ref]) => {
    manifests[index] = await load(ref);
  });
  return manifests;
}

async function commit(
  { contract }: StepImplementation,
  task: WholeTask<WorkTask>,
  { files, facts, metrics, measured = {}, log, earlierSeconds = 0 }: Made,
  startedAt: number,
  store: ArtifactStore,
): Promise<StepDone> {
  const blobs: Record<string, BlobRef> = {};
  for (const [name, content] of Object.entries(files)) blobs[name] = await uploaded(content, store);
  const { name: step, version } = contract;
  const seconds = earlierSeconds + (performance.now() - startedAt) / 1000;
  const { manifest } = await store.commit(
    {
      kind: artifactOutput(contract).kind,
      key: task.key,
      files: blobs,
      facts,
      metrics,
      measured: { ...measured, seconds },
      ...(log === undefined ? {} : { log }),
      madeBy: {
        step,
        instance: task.step,
        version,
        code: codeDigest(step),
        run: task.run,
        at: new Date().toISOString(),
      },
      from: keyParts(task),
      inputs: task.inputs,
    },
    task.repair,
  );
  const { kind, key, digest } = manifest;
  return { artifact: { kind, key, digest }, metrics: manifest.metrics };
}

function uploaded(content: string | Uint8Array | BlobRef, store: ArtifactStore): Promise<BlobRef> | BlobRef {
  if (typeof content === 'string') return store.putBlob({ path: content });
  return content instanceof Uint8Array ? store.putBlob(content) : content;
}
