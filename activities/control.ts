import { z } from 'zod';
import { lookUp } from '../artifacts/lookup.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import { compile } from '../language/compile.ts';
import type { Json, JsonObject } from '../language/json.ts';
import type { Plan } from '../language/plan.ts';
import { paramsError, pipelineError } from '../language/problems.ts';
import { artifactOutput } from '../language/step.ts';
import { asActivity } from './boundary.ts';
import { type ChangedParams, changeParams, type ParamsChange } from './changes.ts';
import { codeDigest } from './code.ts';
import { findPipeline } from './pipelines.ts';
import { contracts, loadImplementation } from './registry.ts';
import { keyParts, type LookUp, type StepTask } from './tasks.ts';

/** What starts a run, whoever starts it: Temporal's UI, the CLI, a schedule. Nothing else is accepted. */
export interface RunInput {
  /** Name of a pipeline, or the digest of a stored pipeline file as `sha256:<hex>`. */
  pipeline: string;
  params?: JsonObject;
}

const runInput = z.strictObject({
  pipeline: z.string().min(1),
  params: z.record(z.string(), z.custom<Json>()).default({}),
});

export type ControlActivities = ReturnType<typeof controlActivities>;
export type FingerprintActivity = ReturnType<typeof fingerprintActivity>;

/** What the workflow asks beside the steps' own work; answered by the worker that interprets it. */
export function controlActivities(store: ArtifactStore) {
  return {
    /** The plan of a run; F2C_START_INVALID, F2C_PIPELINE_UNKNOWN, F2C_PIPELINE_INVALID, F2C_PARAMS_INVALID. */
    compile: (input: RunInput): Promise<Plan> => asActivity(() => compileRun(store, input)),

    /** Content key of a task, and the artifact under it if the store has it whole. */
    lookUp: (task: StepTask): Promise<LookUp> => asActivity(() => lookUpTask(store, task)),

    /** The params of a step with a person's changes; F2C_ANSWER_INVALID. */
    changeParams: (change: ParamsChange): Promise<ChangedParams> =>
      asActivity(async () => changeParams(change)),
  };
}

/** Digest of what a step would read of the outside world; asked where the step would run. */
export function fingerprintActivity(store: ArtifactStore) {
  return ({ uses, params }: { uses: string; params: JsonObject }): Promise<string> =>
    asActivity(async (signal) => {
      const { contract, fingerprint } = await loadImplementation(uses);
      if (fingerprint === undefined)
        throw new Error(`${uses} does not implement the fingerprint of its contract`);
      return await fingerprint(contract.params.parse(params), { store, signal });
    });
}

async function compileRun(store: ArtifactStore, input: unknown): Promise<Plan> {
  const start = runInput.safeParse(input);
  if (!start.success) {
    throw new F2cError('F2C_START_INVALID', {
      what: `A run is not started with ${JSON.stringify(input) ?? 'nothing'}`,
      fix: 'Give one JSON object: {"pipeline": "quickstart", "params": {}}',
    });
  }
  const source = await findPipeline(store, start.data.pipeline);
  const compiled = compile(source, start.data.params, contracts);
  if ('problems' in compiled) throw pipelineError(compiled.problems, source);
  if ('paramProblems' in compiled) throw paramsError(compiled.paramProblems, source.name);
  return compiled.plan;
}

async function lookUpTask(store: ArtifactStore, task: StepTask): Promise<LookUp> {
  const contract = contracts[task.uses];
  if (contract === undefined) throw new Error(`no step kind is named ${task.uses}`);
  const { kind } = artifactOutput(contract);
  const place = { pipeline: task.pipeline, instance: task.step };
  const { key, reason, hit, repair } = await lookUp(
    store,
    kind,
    keyParts(task),
    place,
    codeDigest(task.uses),
  );
  return {
    key,
    reason,
    ...(hit === undefined
      ? {}
      : { hit: { artifact: { kind, key, digest: hit.digest }, metrics: hit.metrics } }),
    ...(repair === undefined ? {} : { repair }),
  };
}
