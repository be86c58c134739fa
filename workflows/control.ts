import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { ChangedParams, ParamsChange } from '../activities/changes.ts';
import type { ControlActivities, FingerprintActivity } from '../activities/control.ts';
import type { Gathered, GatherQuestion } from '../activities/gathered.ts';
import type { RunInput } from '../activities/reuse.ts';
import type { OpenedSlice, SliceToOpen } from '../activities/slices.ts';
import type { AheadRequest, LookUp, StepTask } from '../activities/tasks.ts';
import type { TurnRequest } from '../activities/turns.ts';
import type { BlobRef } from '../artifacts/manifest.ts';
import type { Known } from '../language/plan/outcomes.ts';
import type { Plan, PlanRetry, PlanStep } from '../language/plan/plan.ts';

/** Look-ups and fingerprints are ours, not the user's: they are tried until the store answers. */
export const patient: PlanRetry = { attempts: 10, backoffMs: 1_000, factor: 2, maxBackoffMs: 60_000 };

/** What comes after a failure is for `untilDone` to decide. */
export const once = { maximumAttempts: 1 };

/** Longer than all tries of the S3 client together, so that it is the client who says what is wrong. */
const storeTimeout = '15m';

export function compilePipeline(input: RunInput): Promise<Plan> {
  return control('Compiles the pipeline to a plan').compile(input);
}

/** Ids of the runs of the pipeline that came before this one and have not ended. */
export function takeTurn(request: TurnRequest): Promise<string[]> {
  return control(`Asks for its turn among the runs of ${request.pipeline}`).takeTurn(request);
}

export function endTurn(request: TurnRequest): Promise<void> {
  return control(`Lets the next run of ${request.pipeline} go`).endTurn(request);
}

export function lookUp(task: StepTask, { queue }: PlanStep): Promise<LookUp> {
  return control(`${task.step}: looks in the store`).lookUp(task, queue);
}

export function lookUpAhead(task: StepTask, { queue }: PlanStep, ahead: AheadRequest): Promise<LookUp> {
  return control(`${task.step}, and what follows: looks in the store`).lookUp(task, queue, ahead);
}

export function openSlice(slice: SliceToOpen): Promise<OpenedSlice> {
  return control(`Slice ${slice.slice + 1}: finds out what it has to do`).openSlice(slice);
}

export function keepOutcomes(what: string, outcomes: Known[]): Promise<BlobRef> {
  return control(`${what}: keeps what became of it`).keepOutcomes(outcomes);
}

export function keepSlices(what: string, slices: BlobRef[][]): Promise<BlobRef> {
  return control(`${what}: keeps what became of all slices`).keepSlices(slices);
}

export function askGathered(step: string, question: GatherQuestion): Promise<Gathered> {
  return control(`${step}: asks what ${question.ref.step} has made`).askGathered(question);
}

/** Checks what a person wants to change in a step that waits; F2C_ANSWER_INVALID. */
export function changeParams(step: string, change: ParamsChange): Promise<ChangedParams> {
  return control(`${step}: checks changed params`).changeParams(change);
}

/** Digest of what a step would read of the outside world, asked where the step would run. */
export function readWorld(step: PlanStep, task: StepTask, attempt: number): Promise<string> {
  const { fingerprint } = proxyActivities<{ fingerprint: FingerprintActivity }>({
    taskQueue: step.queue,
    activityId: `${task.step}#fingerprint-${attempt}`,
    startToCloseTimeout: '1d',
    heartbeatTimeout: step.heartbeatMs,
    retry: once,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: `${task.step}: reads the listing of the source`,
  });
  return fingerprint({ uses: task.uses, params: task.params });
}

/**
 * Activities of the interpreter's own worker. Not local ones: when several of those end in one workflow task,
 * replay may resolve them in another order, and what comes next here depends on the order.
 */
function control(summary: string): ControlActivities {
  return proxyActivities<ControlActivities>({
    startToCloseTimeout: storeTimeout,
    heartbeatTimeout: '20s',
    retry: once,
    summary,
  });
}
