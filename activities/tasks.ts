import type { Force } from '../artifacts/lookup.ts';
import { type ArtifactRef, type BlobRef, effectOf, type KeyParts } from '../artifacts/manifest.ts';
import type { Plan } from '../language/plan/plan.ts';
import type { Instance, ResolvedWith } from '../language/plan/resolve.ts';
import type { JsonObject } from '../language/text/json.ts';
import type { Progress } from './step.ts';

/** One step instance with its inputs resolved: what passes through Temporal. Never data, only names of it. */
export interface StepTask {
  pipeline: string;
  run: string;
  /** Instance id: "train[head=dcp]". */
  step: string;
  uses: string;
  version: number;
  params: JsonObject;
  inputs: ResolvedWith['inputs'];
  /** Digest of the outside world, for the steps that read it; run and step, for those that change it. */
  fingerprint?: string;
  /** Names of the secrets that the params hold; their values are the worker's to know. */
  secrets?: string[];
  /** It runs when all others of the run have ended, however they did. */
  always?: true;
  /** Set where the step runs although its artifact is there. */
  force?: Force;
  /** Temporal's own id of the run, where it is another workflow that asks: a slice. */
  execution?: string;
}

/** A task with nothing gathered left open. */
export type WholeTask<T extends StepTask = StepTask> = Omit<T, 'inputs'> & {
  inputs: Record<string, ArtifactRef | ArtifactRef[]>;
};

/** The answer of the store: the artifact is there, or must be made and why. */
export interface LookUp {
  key: string;
  /** "hit: …", "miss: …" or "forced: …", for people. */
  reason: string;
  hit?: StepDone;
  /** Id of another run that is making the same this moment. */
  elsewhere?: string;
  /** Set when an artifact has to be replaced, damaged or forced: the manifest's etag. */
  repair?: string;
  /** The queue of the step's work, if no worker polls it, and the role of those who would. */
  unserved?: { queue: string; role: string };
  /** What was found of steps that follow, where it was asked for. */
  ahead?: FoundAhead[];
}

/** Steps for which a look-up may answer as well if it is a hit. */
export interface AheadRequest {
  plan: BlobRef;
  /** Ids of step instances, those needed first. */
  ids: string[];
  /** What they need beside each other and the step that is asked for. */
  known: Record<string, StepDone>;
}

/** A hit, and the question that it answers. */
export interface FoundAhead {
  task: StepTask;
  found: LookUp;
}

/** A task that the store cannot answer. */
export interface WorkTask extends StepTask {
  key: string;
  repair?: string;
  /** Set where no worker polled the queue: the run wants to be told when the work begins. */
  unserved?: true;
  /** Processes that share the work, if the pipeline says how many. */
  processesPerNode?: number;
}

export interface StepDone {
  artifact: ArtifactRef;
  metrics: Record<string, number>;
}

/** What the work of a step gives; beside it, how long the work waited for a worker. */
export interface WorkDone extends StepDone {
  queuedMs?: number;
}

/** What a running step's heartbeats carry. */
export interface HeartbeatDetails {
  progress: Progress | null;
  queuedMs?: number;
}

/** First detail of every failure that a step reports. */
export interface FailureDetails {
  /** How far the attempt came: `done` of its latest progress. */
  done: number;
  queuedMs?: number;
}

/** A run by its id, and by that of its first execution: people may give an id of their own to a second run. */
export interface RunId {
  run: string;
  execution: string;
  /** Temporal's own id of the workflow under which the logs of the run are, if it is not the one that asks. */
  logs?: string;
}

/** What a run asks for at a step instance, once its `with` is resolved. */
export function taskFor(
  plan: Plan,
  { id, step }: Instance,
  { run, execution, logs, params, inputs }: ResolvedWith & RunId,
): StepTask {
  const force = plan.force?.some((name) => name === id || name === step.id) ? { force: {} } : {};
  return {
    pipeline: plan.name,
    run,
    step: id,
    uses: step.uses,
    version: step.version,
    params: { ...params, ...plan.with?.[id] },
    inputs,
    ...(step.secrets && { secrets: step.secrets }),
    ...(step.always && { always: true as const }),
    ...(step.effect && { fingerprint: effectOf({ run, execution, step: id }) }),
    ...force,
    ...(logs !== undefined && { execution: logs }),
  };
}

/** Everything that decides the output of a task: artifacts by what they are, not by how they were made. */
export function keyParts({ uses, version, params, inputs, fingerprint }: WholeTask): KeyParts {
  const digests = Object.entries(inputs).map(([name, ref]) => [
    name,
    Array.isArray(ref) ? ref.map(({ digest }) => digest) : ref.digest,
  ]);
  return {
    step: uses,
    version,
    params,
    inputs: Object.fromEntries(digests),
    ...(fingerprint === undefined ? {} : { fingerprint }),
  };
}
