import type { ArtifactRef, BlobRef } from '../artifacts/manifest.ts';
import type { Tally } from '../language/plan/outcomes.ts';
import type { JsonObject } from '../language/text/json.ts';

export type StepStatus =
  | 'waiting'
  /** As many instances of the step are at work as its `concurrency` says. */
  | 'queued'
  | 'running'
  | 'retrying'
  /** Its attempt is being stopped, so that it can go on later. */
  | 'pausing'
  /** Would go on if nobody had paused it or the run. */
  | 'paused'
  /** Has failed for good and waits for a person. */
  | 'held'
  /** Waits for a person before its work. */
  | 'awaiting approval'
  | 'done'
  | 'failed'
  | 'skipped'
  | 'cancelled';

/** What a person may tell a step that waits. */
export type Action = 'retry' | 'skip' | 'fail' | 'approve' | 'reject';

/** One instance of a step, as the state query shows it. */
export interface StepState {
  id: string;
  uses: string;
  status: StepStatus;
  /** Set where the step runs although the store has what it makes. */
  forced?: boolean;
  /** Why the artifact was taken from the store or had to be made: "hit: …", "miss: …", "forced: …". */
  cache?: string;
  /** Id of the run that makes the very same this moment, and whose result this step waits for. */
  waitsFor?: string;
  /** Content key, once the inputs are known. */
  key?: string;
  /** Tries of the activity so far. */
  attempts: number;
  startedAt?: number;
  endedAt?: number;
  /** When it got its status. */
  since?: number;
  /** Of the time since it was started, what it has waited for a worker, a person, a pause or another try. */
  waitedMs?: number;
  /** What the latest failed try said; kept while the step is tried again. */
  error?: StepFailure;
  /** It runs when all others have ended. */
  always?: true;
  /** Why the step was skipped, or is queued. */
  reason?: string;
  /** The step has failed or was skipped, and the run goes on without it. */
  tolerated?: true;
  /** Set while the step's work waits for a worker, as far as that is known. */
  atQueue?: AtQueue;
  /** Somebody has paused the step, whatever it is doing still. */
  paused?: Pause;
  /** When the wait for an answer ends, and what happens then. */
  deadline?: { at: number; action: Action };
  /** Params that people have changed, here or in the run that this one goes on with. */
  with?: JsonObject;
  /** What people have told the step. */
  answers?: GivenAnswer[];
  artifact?: ArtifactRef;
  metrics?: Record<string, number>;
  /** Of a step that is run by slices, which stands here as a whole: how its instances have ended. */
  tally?: Tally;
  /** Of such a step: where the store says what became of each instance, once all have ended. */
  outcomes?: BlobRef;
  /** Of such a step: it is done, and some instances are missing on purpose. */
  incomplete?: boolean;
}

export interface AtQueue {
  queue: string;
  /** The role of the workers that are for it. */
  role: string;
  since: number;
  /** False: no worker polls the queue. The run itself knows of no other case. */
  served: boolean;
}

export interface Pause {
  at: number;
  who?: string;
  note?: string;
}

export interface GivenAnswer {
  action: Action | 'pause' | 'continue';
  at: number;
  who?: string;
  note?: string;
  /** What was changed in the params: `learningRate 0.1 -> 0.02`. */
  changes?: string[];
}

export interface StepFailure {
  code: string;
  message: string;
}

/** The whole state of a run: the answer to the query `state`. Times are milliseconds since 1970. */
export interface RunState {
  pipeline: string;
  summary: string;
  /** Digest of the pipeline file that is being run. */
  source: string;
  params: JsonObject;
  /** Digests of the pipelines that it uses, by the names that they have in the file; absent if there are none. */
  pipelines?: Record<string, string>;
  /**
   * `held` as soon as one step waits for a person, `paused` as soon as one is paused, whatever else goes on: it is
   * what people look for in a list.
   * `terminated` is what the command line says of a run that Temporal ended without asking it.
   */
  status:
    | 'compiling'
    | 'queued'
    | 'running'
    | 'paused'
    | 'held'
    | 'done'
    | 'failed'
    | 'cancelled'
    | 'terminated';
  /** Runs of the same pipeline that have to end before this one may go on, and those that came before. */
  waitsFor?: string[];
  /** As what the run will end: set while its `always` goes on. */
  ending?: 'done' | 'failed' | 'cancelled';
  /** Somebody has paused the run as a whole. */
  paused?: Pause;
  /** What people have told the run as a whole. */
  answers?: GivenAnswer[];
  startedAt: number;
  endedAt?: number;
  steps: StepState[];
  error?: StepFailure;
}

/** What a finished run returns. */
export interface RunResult {
  pipeline: string;
  source: string;
  steps: Record<string, { artifact: ArtifactRef; metrics: Record<string, number> }>;
  /** Steps that were run by slices; absent if there were none. */
  sliced?: Record<string, { tally: Tally; outcomes: BlobRef }>;
  /** Steps that failed and that the run went on without; absent if there were none. */
  failed?: Record<string, StepFailure>;
}
