import { ApplicationFailure, isCancellation, workflowInfo } from '@temporalio/workflow';
import { type RunId, type StepDone, taskFor } from '../activities/tasks.ts';
import { ExpressionError } from '../language/evaluate.ts';
import type { JsonObject } from '../language/json.ts';
import { type Obstacle, obstacleOf } from '../language/obstacle.ts';
import type { Plan } from '../language/plan.ts';
import {
  type Instance,
  instancesOfRun,
  isWanted,
  needsOf,
  resolveWith,
  stepIdOf,
} from '../language/resolve.ts';
import { countsOf, inheritedShortage, isSpared, shortageOf } from '../language/shortage.ts';
import type { Answers } from './answers.ts';
import { finalFailure } from './attempts.ts';
import type { Pauses } from './pauses.ts';
import { failureOf } from './runFailure.ts';
import { runStep } from './runStep.ts';
import type { RunState, StepState } from './runTypes.ts';
import { become } from './times.ts';

/** How people take part in a run. */
interface People {
  answers: Answers;
  pauses: Pauses;
  /** Called at every turn, for those who look on. */
  changed: () => void;
}

/**
 * Runs all instances, each when its needs are done. One that fails stops what depends on it and nothing
 * else: what can still be done is done, and is found in the store when the run is resumed.
 */
export async function runInstances(
  plan: Plan,
  run: RunState,
  { answers, pauses, changed }: People,
): Promise<Map<string, StepDone>> {
  const outcomes = new Map<string, StepDone>();
  const settled = new Map<string, Promise<void>>();
  const states = new Map(run.steps.map((state) => [state.id, state]));
  const countsAt = (step: string) => countsOf(run.steps.filter(({ id }) => stepIdOf(id) === step));
  const shortageAt = (step: string) => inheritedShortage(plan, step, countsAt);

  const runInstance = async (instance: Instance, state: StepState) => {
    const needs = needsOf(plan, instance);
    await Promise.all(needs.flatMap(({ ids }) => ids).map((id) => settled.get(id)));
    const obstacle = obstacleOf(needs, states, shortageAt);
    if (obstacle !== undefined) {
      skip(state, obstacle);
      return changed();
    }
    state.startedAt = Date.now();
    try {
      const { step } = instance;
      const outputsOf = (id: string) => outcomes.get(id);
      if (!evaluated(instance, () => isWanted(plan, instance, outputsOf))) {
        return skip(state, { reason: `when is false: ${step.when?.written}`, tolerated: true });
      }
      // Steps that ask nobody wait for nothing here: more waits would reorder the commands of old histories.
      if (step.approve !== undefined) await answers.approved(step.approve, state);
      const resolved = evaluated(instance, () => resolveWith(plan, instance, outputsOf));
      const task = taskFor(plan, instance, { ...runId(), ...resolved });
      const work = (params: JsonObject) => runStep(step, { ...task, params }, state, pauses, changed);
      const done = await (step.onFailure === 'hold'
        ? answers.decided(state, task.params, work)
        : work(task.params));
      if (done === undefined) {
        return skip(state, { reason: 'skipped by a person', tolerated: true });
      }
      outcomes.set(instance.id, done);
      state.artifact = done.artifact;
      state.metrics = done.metrics;
      delete state.error;
      finish(state, 'done');
    } catch (error) {
      if (error instanceof ApplicationFailure)
        state.error = { code: error.type ?? '', message: `${error.message}${whereLogIs(state)}` };
      if (isSpared(instance.step) && !isCancellation(error)) state.tolerated = true;
      finish(state, isCancellation(error) ? 'cancelled' : 'failed');
      if (!(error instanceof ApplicationFailure)) throw error;
    } finally {
      changed();
    }
  };

  const running = instancesOfRun(plan).map((instance) => {
    const state = states.get(instance.id);
    if (state === undefined) throw new Error(`no state for ${instance.id}`);
    const promise = runInstance(instance, state);
    settled.set(
      instance.id,
      promise.catch(() => {}),
    );
    return promise;
  });
  for (const result of await Promise.allSettled(running)) {
    if (result.status === 'rejected') throw result.reason;
  }

  const failure = failureOf(
    run,
    plan.steps.flatMap((step) => shortageOf(step, countsAt(step.id)) ?? []),
  );
  if (failure !== undefined) throw finalFailure(failure);
  return outcomes;
}

/** A run that Temporal was told to reset is still the same one. */
function runId(): RunId {
  const { workflowId: run, firstExecutionRunId: execution } = workflowInfo();
  return { run, execution };
}

/** How to read what a step said before it failed. */
function whereLogIs({ id, attempts }: StepState): string {
  const instance = id.includes('[') ? `'${id}'` : id;
  return attempts === 0 ? '' : ` Its log: \`npx f2c logs ${workflowInfo().workflowId} ${instance}\`.`;
}

function skip(state: StepState, { reason, tolerated }: Obstacle): void {
  state.reason = reason;
  if (tolerated) state.tolerated = true;
  finish(state, 'skipped');
}

/** An expression that has no value fails its step: only now is it known what other steps have measured. */
function evaluated<T>({ id }: Instance, resolve: () => T): T {
  try {
    return resolve();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const message = `An expression of ${id} has no value: ${error.message}.`;
    throw finalFailure({ code: 'F2C_EXPRESSION_FAILED', message });
  }
}

function finish(state: StepState, status: StepState['status']): void {
  delete state.paused;
  delete state.waitsFor;
  become(state, status);
  state.endedAt = Date.now();
}
