import { ActivityCancellationType, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { ControlActivities, FingerprintActivity } from '../activities/control.ts';
import type { StepDone, StepTask, WorkTask } from '../activities/tasks.ts';
import type { PlanRetry, PlanStep } from '../language/plan.ts';
import { untilDone } from './attempts.ts';
import type { StepState } from './runTypes.ts';

/** Look-ups and fingerprints are ours, not the user's: they are tried until the store answers. */
const patient: PlanRetry = { attempts: 10, backoffMs: 1_000, factor: 2, maxBackoffMs: 60_000 };

const once = { maximumAttempts: 1 };

/** Takes one step instance from resolved inputs to a committed artifact. `changed` is called at every turn. */
export async function runStep(
  step: PlanStep,
  task: StepTask,
  state: StepState,
  changed: () => void,
): Promise<StepDone> {
  const failing: Parameters<typeof untilDone>[3] = (failure) => {
    state.status = 'retrying';
    state.error = { code: failure.code, message: failure.message };
    changed();
  };

  const world = step.fingerprint
    ? {
        fingerprint: await untilDone(
          `${state.id}: fingerprint`,
          patient,
          () => readWorld(step, task),
          failing,
        ),
      }
    : {};
  const found = await untilDone(
    `${state.id}: look-up`,
    patient,
    () => lookUp(state.id, { ...task, ...world }),
    failing,
  );
  state.cache = found.reason;
  if (found.hit !== undefined) return found.hit;

  const { key, repair } = found;
  const work: WorkTask = { ...task, ...world, key, ...(repair === undefined ? {} : { repair }) };
  return await untilDone(
    state.id,
    step.retry,
    (attempt) => {
      state.attempts = attempt;
      state.status = 'running';
      changed();
      return perform(step, work, attempt);
    },
    failing,
  );
}

function readWorld(step: PlanStep, task: StepTask): Promise<string> {
  const { fingerprint } = proxyActivities<{ fingerprint: FingerprintActivity }>({
    taskQueue: step.queue,
    startToCloseTimeout: '1h',
    heartbeatTimeout: step.heartbeatMs,
    retry: once,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: `${task.step}: reads the listing of the source`,
  });
  return fingerprint({ uses: task.uses, params: task.params });
}

function lookUp(id: string, task: StepTask): ReturnType<ControlActivities['lookUp']> {
  const control = proxyLocalActivities<ControlActivities>({
    startToCloseTimeout: '1m',
    retry: once,
    summary: `${id}: looks in the store`,
  });
  return control.lookUp(task);
}

function perform(step: PlanStep, task: WorkTask, attempt: number): Promise<StepDone> {
  const activities = proxyActivities<Record<string, (task: WorkTask) => Promise<StepDone>>>({
    taskQueue: step.queue,
    activityId: `${task.step}#${attempt}`,
    startToCloseTimeout: step.timeoutMs,
    heartbeatTimeout: step.heartbeatMs,
    retry: once,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: `${task.step}: ${step.summary}`,
  });
  const activity = activities[step.uses];
  if (activity === undefined) throw new Error(`no activity for ${step.uses}`);
  return activity(task);
}
