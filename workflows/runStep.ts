import { ActivityCancellationType, proxyActivities, sleep } from '@temporalio/workflow';
import type { LookUp, StepDone, StepTask, WorkDone, WorkTask } from '../activities/tasks.ts';
import type { PlanStep } from '../language/plan/plan.ts';
import { atQueue } from './atQueue.ts';
import { Left, queuedMsOf, untilDone } from './attempts.ts';
import { lookUp, once, patient, readWorld } from './control.ts';
import type { LookAhead } from './lookAhead.ts';
import type { Pauses } from './pauses.ts';
import type { StepFailure, StepState } from './runTypes.ts';
import type { Slots } from './slots.ts';
import { become, waitedFor } from './times.ts';

/** Those who look on, and may stop a step between its attempts. */
export interface Attendants {
  pauses: Pauses;
  /** Called at every turn. */
  changed: () => void;
  /** Whether the workflow wants to go on as a new one, so that nothing should be begun. */
  isLeaving?: () => boolean;
  slots: Slots;
  lookAhead?: LookAhead;
}

/** Takes one step instance from resolved inputs to a committed artifact. */
export async function runStep(
  step: PlanStep,
  { ...task }: StepTask,
  state: StepState,
  { pauses, changed, slots, lookAhead, isLeaving = () => false }: Attendants,
): Promise<StepDone> {
  const { id } = state;
  const told = { state, changed };
  const retrying = (failure: StepFailure) => {
    become(state, 'retrying');
    state.error = failure;
    changed();
  };
  const running = () => {
    become(state, 'running');
    changed();
  };

  // Asked first: more waits would reorder the commands of old histories.
  if (pauses.concern(state)) await pauses.ended(state);
  running();
  if (step.fingerprint) {
    const read = (attempt: number) => atQueue(step.unserved, told, () => readWorld(step, task, attempt));
    task.fingerprint = await untilDone(`${id}: fingerprint`, patient, read, retrying);
  }
  const look = () => (lookAhead === undefined ? lookUp(task, step) : lookAhead.lookUp(task, step));
  const before: LookUp = await untilDone(`${id}: look-up`, patient, look, retrying);
  let found = before;
  state.cache = found.reason;
  state.key = found.key;
  if (found.hit !== undefined) return found.hit;

  // More than 1 where a person has a step tried again.
  const first = state.attempts + 1;
  let begun: number | undefined;
  const begin = (attempt: number) => {
    state.attempts = attempt;
    begun = Date.now();
    const work = () => perform(step, workOn(step, task, found), attempt);
    return atQueue(found.unserved, told, () => (step.resumable ? pauses.stoppable(state, work) : work()));
  };
  const attemptWork = async (attempt: number) => {
    if (pauses.concern(state)) await pauses.ended(state);
    if (isLeaving()) throw new Left();
    running();
    // The attempt before may have committed and died before it could say so.
    if (attempt > first) found = await lookUp(again(task, before), step);
    for (;;) {
      if (found.elsewhere !== undefined) {
        found = await madeElsewhere(found, () => lookUp(again(task, before), step), state, changed);
      }
      if (found.hit !== undefined) return found.hit;
      // Somebody may have paused it during the look-up.
      if (pauses.concern(state)) {
        await pauses.ended(state);
        running();
      }
      const turn = async (waited: boolean) => {
        running();
        // Somebody may have made it meanwhile, or be about to.
        if (waited) found = await lookUp(again(task, before), step);
        return found.hit === undefined && found.elsewhere === undefined ? await begin(attempt) : undefined;
      };
      begun = undefined;
      try {
        const done = await (step.concurrency === undefined
          ? begin(attempt)
          : slots.during(step.id, step.concurrency, state, turn));
        if (done !== undefined) {
          const { queuedMs = 0, ...made } = done;
          waitedFor(state, queuedMs);
          return made;
        }
      } catch (error) {
        waitedFor(state, queuedMsOf(error, begun === undefined ? 0 : Date.now() - begun));
        throw error;
      }
      state.cache = found.reason;
    }
  };
  return await untilDone(id, step.retry, attemptWork, retrying, { first, timeoutMs: step.timeoutMs });
}

/** Waits until no other run makes the same any more: then it is there, or is this one's to make. */
async function madeElsewhere(
  looked: LookUp,
  look: () => Promise<LookUp>,
  state: StepState,
  changed: () => void,
): Promise<LookUp> {
  let found = looked;
  for (let waitMs = 2_000; found.elsewhere !== undefined; waitMs = Math.min(2 * waitMs, 60_000)) {
    state.waitsFor = found.elsewhere;
    changed();
    const began = Date.now();
    await sleep(waitMs, { summary: `${state.id}: waits for ${found.elsewhere}, which makes the same` });
    found = await look();
    waitedFor(state, Date.now() - began);
  }
  delete state.waitsFor;
  state.cache = found.reason;
  changed();
  return found;
}

/** What was made since the first look-up counts, also where it was forced; what was there then still does not. */
function again({ force, ...task }: StepTask, { repair }: LookUp): StepTask {
  return force === undefined || repair === undefined ? task : { ...task, force: { replaces: repair } };
}

function workOn({ processesPerNode }: PlanStep, task: StepTask, { key, repair, unserved }: LookUp): WorkTask {
  return {
    ...task,
    key,
    ...(repair === undefined ? {} : { repair }),
    ...(unserved === undefined ? {} : { unserved: true }),
    ...(processesPerNode === undefined ? {} : { processesPerNode }),
  };
}

function perform(step: PlanStep, task: WorkTask, attempt: number): Promise<WorkDone> {
  const activities = proxyActivities<Record<string, (task: WorkTask) => Promise<WorkDone>>>({
    taskQueue: step.queue,
    activityId: `${task.step}#${attempt}`,
    startToCloseTimeout: step.timeoutMs,
    heartbeatTimeout: step.heartbeatMs,
    retry: once,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: `${task.step}: ${step.summary}`,
  });
  const activity = activities[step.uses] as (task: WorkTask) => Promise<WorkDone>;
  return activity(task);
}
