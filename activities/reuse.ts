import { z } from 'zod';
import { type LookUpOptions, lookUp } from '../artifacts/lookup.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import { type Pipeline, readPipeline } from '../language/check.ts';
import { compile } from '../language/compile.ts';
import { artifactOutput } from '../language/contract/step.ts';
import type { Plan } from '../language/plan/plan.ts';
import { type Selection, select } from '../language/plan/selection.ts';
import type { Json, JsonObject } from '../language/text/json.ts';
import { paramsError, pipelineError } from '../language/text/problems.ts';
import type { Pipelines } from '../language/text/sources.ts';
import { withArtifacts } from './artifactParams.ts';
import { checkChanged } from './changes.ts';
import { codeDigest } from './code.ts';
import { wholeTask } from './gathered.ts';
import { findPipeline, type PipelineSource } from './pipelines.ts';
import { contracts, loadImplementation } from './registry.ts';
import { keyParts, type LookUp, type StepTask } from './tasks.ts';
import { type Pinned, usedPipelines } from './usedPipelines.ts';

/** What decides what a run does: its worker asks this, and so does whoever wants to know beforehand. */

/** What starts a run, whoever starts it: Temporal's UI, the CLI, a schedule. Nothing else is accepted. */
export interface RunInput extends Selection {
  /** Name of a pipeline, `weekly` or `weekly@2`, or the digest of a stored pipeline file as `sha256:<hex>`. */
  pipeline: string;
  params?: JsonObject;
  /** Digests of pipelines that it uses, by the names that they have in the file; others are found when it starts. */
  pinned?: Pinned;
}

const steps = z.array(z.string().min(1)).exactOptional();

const runInput = z.strictObject({
  pipeline: z.string().min(1),
  params: z.record(z.string(), z.custom<Json>()).default({}),
  force: steps,
  from: steps,
  only: steps,
  pinned: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)).exactOptional(),
  with: z.record(z.string(), z.record(z.string(), z.custom<Json>())).exactOptional(),
});

/** What starts a run, checked, with its `params` filled in; F2C_START_INVALID. */
export function readStart(input: unknown): RunInput & { params: JsonObject } {
  const start = runInput.safeParse(input);
  if (start.success) return start.data;
  throw new F2cError('F2C_START_INVALID', {
    what: `A run is not started with ${JSON.stringify(input) ?? 'nothing'}`,
    fix: 'Give one JSON object: {"pipeline": "quickstart", "params": {}}; "force", "from" and "only" are lists of steps, "with" has params by step instance, "pinned" is digests by the names of pipelines',
  });
}

/**
 * The plan of a run; F2C_START_INVALID, F2C_PIPELINE_UNKNOWN, F2C_PIPELINE_INVALID, F2C_PARAMS_INVALID,
 * F2C_STEP_UNKNOWN.
 */
export async function planRun(store: ArtifactStore, input: unknown): Promise<Plan> {
  const { pipeline, params, pinned, ...selection } = readStart(input);
  const source = await findPipeline(store, pipeline);
  const pipelines = await usedPipelines(store, source, pinned);
  return await withArtifacts(store, planOf(source, { params, selection, pipelines }));
}

/** What a pipeline file says, and that it is right; F2C_PIPELINE_INVALID. `pipelines` are those that it uses. */
export function readSource(source: PipelineSource, pipelines: Pipelines): Pipeline {
  const read = readPipeline(source.text, contracts, pipelines);
  if ('problems' in read) throw pipelineError(read.problems, source, pipelines);
  return read.pipeline;
}

interface Wanted {
  params: JsonObject;
  selection?: Selection;
  /** Those that the file uses. */
  pipelines?: Pipelines;
  /** What people call it, if that is known better than from the file. */
  name?: string;
}

/** The plan of a run of a pipeline file. */
export function planOf(
  source: PipelineSource,
  { params, selection = {}, pipelines = {}, name = source.name }: Wanted,
): Plan {
  const compiled = compile(source, params, contracts, pipelines);
  if ('problems' in compiled) throw pipelineError(compiled.problems, source, pipelines);
  if ('paramProblems' in compiled) throw paramsError(compiled.paramProblems, name);
  const plan = select(compiled.plan, selection);
  checkChanged(plan);
  return passable(plan);
}

/** Temporal takes 2 MiB at once, and would try for ever with a plan that is larger. */
const largestPlan = 1.8 * 1024 * 1024;

function passable(plan: Plan): Plan {
  const size = Buffer.byteLength(JSON.stringify(plan));
  if (size <= largestPlan) return plan;
  throw new F2cError('F2C_PIPELINE_INVALID', {
    what: `The plan of ${plan.name} takes ${(size / 1024 ** 2).toFixed(1)} MiB; at most 1.8 MiB are possible`,
    fix: 'Give it fewer steps, or shorter texts',
  });
}

/** Content key of a task, and the artifact under it if the store has it whole. */
export async function lookUpTask(
  store: ArtifactStore,
  task: StepTask,
  options: Pick<LookUpOptions, 'remember'> = {},
): Promise<LookUp> {
  const contract = contracts[task.uses];
  if (contract === undefined) throw new Error(`no step kind is named ${task.uses}`);
  const { kind } = artifactOutput(contract);
  const place = { pipeline: task.pipeline, instance: task.step };
  const code = codeDigest(task.uses);
  const parts = keyParts(await wholeTask(store, task));
  const { key, reason, hit, repair } = await lookUp(store, kind, parts, place, code, {
    ...options,
    force: task.force,
  });
  return {
    key,
    reason,
    ...(hit === undefined
      ? {}
      : { hit: { artifact: { kind, key, digest: hit.digest }, metrics: hit.metrics } }),
    ...(repair === undefined ? {} : { repair }),
  };
}

/** Digest of what a step would read of the outside world, read from here. */
export async function readFingerprint(
  store: ArtifactStore,
  { uses, params }: { uses: string; params: JsonObject },
  signal: AbortSignal,
): Promise<string> {
  const { contract, fingerprint } = await loadImplementation(uses);
  if (fingerprint === undefined)
    throw new Error(`${uses} does not implement the fingerprint of its contract`);
  return await fingerprint(contract.params.parse(params), { store, signal });
}
