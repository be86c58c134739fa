import type { Logger } from 'pino';
import type { z } from 'zod';
import type { BlobRef, Manifest } from '../artifacts/manifest.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { AttemptPlace } from '../artifacts/trainings.ts';
import type { ArtifactPort, StepContract } from '../language/contract/step.ts';
import type { JsonObject } from '../language/text/json.ts';

/** What a step is given beside its inputs and params. */
export interface StepContext {
  /** Content key of the artifact being made; for a step with effects, what a second try is known by. */
  readonly key: string;
  /** Where Temporal runs this attempt; absent where it does not. */
  readonly place?: AttemptPlace;
  readonly run: string;
  readonly pipeline: string;
  /** Id of the step instance: "train[head=dcp]". */
  readonly instance: string;
  /** The params as they may be read by everybody: with the names of secrets instead of their values. */
  readonly written: JsonObject;
  readonly store: ArtifactStore;
  /** For a step that reads the outside world: the fingerprint that its key was made with. */
  readonly fingerprint?: string;
  /** For a step that was forced: the version of its artifact that is made anew, from its beginning. */
  readonly replaces?: string;
  /** An empty folder of this attempt's own; removed afterwards. */
  readonly workDir: string;
  /** Processes that share the work; 1 unless the pipeline says more. */
  readonly processes: number;
  /** Aborted when the run is cancelled, the attempt times out or the worker shuts down. */
  readonly signal: AbortSignal;
  /** What the attempt says, for people; `npx f2c logs` shows it, also when the worker is gone. */
  readonly log: Logger;
  /** Local, verified copy of one file of an artifact; read it, do not change it. It stays until the step ends. */
  open(artifact: Manifest, file: string): Promise<string>;
  /** The same as a hard link at `path`, which the step removes when it can spare it; `signal` ends the download. */
  link(artifact: Manifest, file: string, path: string, signal: AbortSignal): Promise<void>;
  /** Bytes that the local copies are meant to take, those of all steps of this machine together. */
  readonly cacheBytes: number;
  /** Tells the run how far the step is. Cheap: call it as often as you like. */
  progress(progress: Progress): void;
}

export interface Progress {
  done: number;
  total: number;
  /** What is counted: "images", "steps", "pairs". */
  unit: string;
  /** One short phrase: "loss 1.23, 840 images/s". */
  note?: string;
}

/** What a step has made. Files are local paths, contents, or blobs that are in the store already. */
export interface Made {
  files: Record<string, string | Uint8Array | BlobRef>;
  facts: JsonObject;
  metrics: Record<string, number>;
  measured?: Record<string, number>;
  /** Time that earlier attempts have put into what this one went on with. */
  earlierSeconds?: number;
  log?: Record<string, BlobRef>;
}

type InputOf<P> =
  P extends ArtifactPort<infer Many, infer Optional>
    ? Many extends true
      ? Manifest[]
      : Optional extends true
        ? Manifest | undefined
        : Manifest
    : never;

/** The inputs and params of a step in one object, as in its `with`. */
export type StepInput<C extends StepContract> = {
  [Name in keyof C['inputs']]: InputOf<C['inputs'][Name]>;
} & z.output<C['params']>;

export interface StepImplementation<C extends StepContract = StepContract> {
  readonly contract: C;
  readonly work: (input: StepInput<C>, step: StepContext) => Promise<Made>;
  /** Digest of what the step would read of the outside world. */
  readonly fingerprint?: (
    params: z.output<C['params']>,
    step: Pick<StepContext, 'store' | 'signal'>,
  ) => Promise<string>;
}

export function implement<C extends StepContract>(
  contract: C,
  work: StepImplementation<C>['work'],
  fingerprint?: StepImplementation<C>['fingerprint'],
): StepImplementation<C> {
  return fingerprint === undefined ? { contract, work } : { contract, work, fingerprint };
}
