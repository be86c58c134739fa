import type { ArtifactRef, BlobRef } from '../../artifacts/manifest.ts';
import type { ArtifactKind } from '../contract/step.ts';
import type { Json, JsonObject } from '../text/json.ts';

/**
 * The plan: a checked pipeline with its params filled in, as plain JSON. The workflow interprets it; old
 * plans must stay readable, so a change of meaning raises `planVersion`.
 */
export interface Plan {
  planVersion: 1;
  name: string;
  summary: string;
  /** Digest of the YAML source, which is kept as a blob. */
  source: string;
  params: JsonObject;
  /** Digests of the pipelines that it uses, by the names that they have in its steps; absent if there are none. */
  pipelines?: Record<string, string>;
  /** Runs of the pipeline that go on at a time; without limit where it is absent. */
  concurrency?: number;
  /**
   * What params of the type `artifact` stand for. Until the store was asked, a key is as much of it as was given, and
   * the digest is empty.
   */
  artifacts?: Record<string, ArtifactRef>;
  /** In topological order. */
  steps: PlanStep[];
  /**
   * Ids of the step instances that run although the store has what they make. A step that is run by slices stands in
   * the lists by its own id.
   */
  force?: string[];
  /** Ids of the step instances that are part of the run; all where it is absent. */
  only?: string[];
  /** Where look-ups that go ahead find the plan, and slices their part of it; absent in a part. */
  stored?: BlobRef;
  /** A look-up may answer for what follows as well; absent in plans that are older than this field. */
  lookAhead?: true;
  /** By id of step instances: params that a person has changed, of this run or of the one that it goes on with. */
  with?: Record<string, JsonObject>;
}

export interface PlanStep {
  /** `train`; `folds.train` for the step `train` of the pipeline that the step `folds` uses. */
  id: string;
  uses: string;
  version: number;
  summary: string;
  /** Ids of the steps that must be done first: from references, `needs` and `each`. */
  needs: string[];
  /** Of `needs`, the steps that are gathered and nothing else: of their instances, those that are done will do. */
  gathers?: string[];
  /**
   * Sub-pipelines that must be done first as a whole: all steps whose ids begin with one of these and a dot. What is
   * missing there on purpose is no obstacle, as it is none to a run of the pipeline by itself.
   */
  wholes?: string[];
  /** Every axis that tells this step's instances apart, inherited ones first; empty for a single instance. */
  axes: Axis[];
  /** Of the origins of its axes, those whose `matrix` does not mean every combination of its values. */
  matrices?: PlanMatrix[];
  with: Record<string, Template>;
  inputs: string[];
  output: { name: string; kind: ArtifactKind };
  metrics: string[];
  fingerprint: boolean;
  /** The step does something to the outside world, once a run; absent also in plans that are older than this field. */
  effect?: true;
  queue: string;
  /** Of a step with a fingerprint: set where no worker polled its queue when the run was compiled. */
  unserved?: { queue: string; role: string };
  /** Names of the secrets that its params hold as texts, `${{ secrets.NAME }}`: the worker may put in no others. */
  secrets?: string[];
  /** How many of its instances are at work at a time; without limit where it is absent. */
  concurrency?: number;
  /** Only where the file says it. No part of any key: another number of processes does the same work. */
  processesPerNode?: number;
  /** An attempt that is stopped loses nothing; absent also in plans that are older than this field. */
  resumable?: true;
  timeoutMs: number;
  heartbeatMs: number;
  retry: PlanRetry;
  /** Skips the instance where it is false. `written` is the expression as it stands in the file. */
  when?: { written: string; value: Template };
  /** A person must approve the step before its work. */
  approve?: PlanApproval;
  /** Only where it is not `fail`. */
  onFailure?: 'hold' | 'continue';
  /** Of one with `hold`: it also holds where an expression of it has no value; absent in plans older than this field. */
  holdsExpressions?: true;
  /** It runs when all others have ended, however the run ends, and changes nothing about that. */
  always?: true;
  /** Share of the instances that must be done; those that fail are missed on purpose. Only for a step with axes. */
  minSuccess?: number;
  /** Only of a step that is run by slices. */
  fanOut?: FanOut;
}

export interface Axis {
  /** Name in `${{ matrix.<name> }}`, unique within the step. */
  name: string;
  /** Id of the step whose `matrix` declares it. */
  origin: string;
  values: Json[];
  /** In a part of a plan: where these values stand among all of the axis. */
  places?: number[];
}

/** How a step is run that has too many instances for one workflow: in slices, together with others of its family. */
export interface FanOut {
  /** Id of the first step of the family. */
  family: string;
  /** Of steps of one family, those of a later group need something that needs all slices of an earlier one. */
  group: number;
  /** The origins whose axes are cut. */
  origins: string[];
  /** Combinations of those axes that a slice has at most. */
  size: number;
  slices: number;
}

/** What `exclude` and `include` of a matrix say. Values are named by their places among those of their axis. */
export interface PlanMatrix {
  /** Id of the step whose `matrix` it is. */
  origin: string;
  /** Of each axis, how many of its values are combined with those of the others; `include` alone has the rest. */
  listed: number[];
  /** Combinations that are left out; null stands for every value of the axis. */
  exclude: (number | null)[][];
  /** Combinations that come after the others. */
  include: number[][];
}

export interface PlanRetry {
  /** Own failures of the step before it fails for good; deaths of workers do not count. */
  attempts: number;
  backoffMs: number;
  factor: number;
  maxBackoffMs: number;
}

export interface PlanApproval {
  /** Absent: the step waits without limit. */
  timeoutMs?: number;
  /** What happens when nobody has answered in time. */
  byDefault: 'reject' | 'approve';
}

/** A value of `with` with its references still open. */
export type Template =
  | { literal: Json }
  | { ref: Reference }
  /** An operator or a function of `evaluate.ts` with its operands. */
  | { op: string; of: Template[] }
  | { text: Template[] }
  | { list: Template[] }
  | { map: Record<string, Template> };

export type Reference =
  | { from: 'matrix'; axis: string }
  | StepReference
  | ArtifactParam
  /** Of steps of `always` alone. */
  | { from: 'run'; fact: RunFact };

/** A param of the type `artifact`: `Plan.artifacts` has it. */
export interface ArtifactParam {
  from: 'params';
  param: string;
}

/** What steps of `always` may know of the run. */
export const runFacts = ['status', 'id', 'pipeline', 'error'] as const;
export type RunFact = (typeof runFacts)[number];

/** `gather` is `steps.<step>.*.<output>`: all instances that agree on the shared axes, in order. */
export interface StepReference {
  from: 'steps';
  step: string;
  output: string;
  gather: boolean;
}
