import type { z } from 'zod';

/** The kinds of artifact that steps make and read. */
export const artifactKinds = ['dataset', 'index', 'checkpoint', 'model', 'report', 'receipt'] as const;
export type ArtifactKind = (typeof artifactKinds)[number];

export function withArticle(kind: ArtifactKind): string {
  return kind === 'index' ? 'an index' : `a ${kind}`;
}

export function plural(kind: ArtifactKind): string {
  return kind === 'index' ? 'indexes' : `${kind}s`;
}

/** The task queues, one a worker role. */
export const queues = ['control', 'data', 'gpu'] as const;
export type Queue = (typeof queues)[number];

export interface ArtifactPort<Many extends boolean = boolean, Optional extends boolean = boolean> {
  readonly port: 'artifact';
  readonly artifact: ArtifactKind;
  /** A list of artifacts: the fan-in of `steps.x.*.y`, or a YAML list of references. */
  readonly many: Many;
  readonly optional: Optional;
}

export interface MetricPort {
  readonly port: 'metric';
  /** Unit or range, for people: "0..1", "seconds", "bytes". */
  readonly unit: string;
}

export function artifact(kind: ArtifactKind): ArtifactPort<false, false> {
  return { port: 'artifact', artifact: kind, many: false, optional: false };
}

export function optionalArtifact(kind: ArtifactKind): ArtifactPort<false, true> {
  return { port: 'artifact', artifact: kind, many: false, optional: true };
}

export function artifacts(kind: ArtifactKind): ArtifactPort<true, false> {
  return { port: 'artifact', artifact: kind, many: true, optional: false };
}

export function metric(unit: string): MetricPort {
  return { port: 'metric', unit };
}

/**
 * What a step kind promises: the only thing that the language, the workflow, the docs and the forms know of
 * it. A step makes exactly one artifact (so that one manifest commits all of it) and any number of metrics.
 */
export interface StepContract<
  Params extends z.ZodObject = z.ZodObject,
  Inputs extends Record<string, ArtifactPort> = Record<string, ArtifactPort>,
  Outputs extends Record<string, ArtifactPort | MetricPort> = Record<string, ArtifactPort | MetricPort>,
> {
  readonly name: string;
  /** Raised when the same inputs give another output; part of every content key. */
  readonly version: number;
  readonly summary: string;
  readonly params: Params;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  readonly queue: Queue;
  /** Longest time of one attempt, as a duration of the language: "90s", "30m", "7d". */
  readonly timeout: string;
  /** A worker that is silent for this long counts as dead. */
  readonly heartbeat: string;
  /** True for a step that reads the outside world: a digest of what it would read enters its key. */
  readonly fingerprint?: true;
  /**
   * True for a step that does something to the outside world: no run reuses what another one did, and within a run
   * it is done once. Its content key is what the outside world may know a second try by.
   */
  readonly effect?: true;
  /** True for a step whose work several processes of a machine can share. */
  readonly processes?: true;
  /** What is wrong with a number of processes for these params, as the end of a sentence: "must divide …". */
  readonly faultOfProcesses?: (processes: number, params: z.output<Params>) => string | undefined;
  /** True for a step whose next attempt goes on where one that was stopped has left it. */
  readonly resumable?: true;
}

export function defineStep<
  Params extends z.ZodObject,
  Inputs extends Record<string, ArtifactPort>,
  Outputs extends Record<string, ArtifactPort | MetricPort>,
>(contract: StepContract<Params, Inputs, Outputs>): StepContract<Params, Inputs, Outputs> {
  return contract;
}

/** The step kinds by name; the checker, the schema and the docs are given one. */
export type StepRegistry = Readonly<Record<string, StepContract>>;

/** The one artifact output of a step: its name in the YAML and its kind. */
export function artifactOutput(contract: StepContract): { name: string; kind: ArtifactKind } {
  for (const [name, port] of Object.entries(contract.outputs)) {
    if (port.port === 'artifact') return { name, kind: port.artifact };
  }
  throw new Error(`the contract of ${contract.name} names no artifact output`);
}
