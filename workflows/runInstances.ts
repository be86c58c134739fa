import { ApplicationFailure, isCancellation } from '@temporalio/workflow';
import { type RunId, type StepDone, taskFor } from '../activities/tasks.ts';
import { ExpressionError } from '../language/plan/evaluate.ts';
import { type Obstacle, obstacleOf } from '../language/plan/obstacle.ts';
import type { Known } from '../language/plan/outcomes.ts';
import type { Plan } from '../language/plan/plan.ts';
import {
  type FactOf,
  type Instance,
  isWanted,
  needsOf,
  paramsWithValue,
  resolveWith,
} from '../language/plan/resolve.ts';
import { isSpared, type Shortage } from '../language/plan/shortage.ts';
import { slicedRefsOf } from '../language/plan/slicedRefs.ts';
import type { JsonObject } from '../language/text/json.ts';
import { inTime } from './always.ts';
import type { Answers } from './answers.ts';
import { askSlices } from './askSlices.ts';
import { finalFailure, Left } from './attempts.ts';
import { type Attendants, runStep } from './runStep.ts';
import type { StepState } from './runTypes.ts';
import { become } from './times.ts';

/** How people take part in a run. */
export interface People extends Attendants {
  /** A slice has no steps that ask somebody. */
  answers?: Answers;
}

/** What instances have to know of the run that they are a part of. */
export interface Scope extends RunId {
  plan: Plan;
  /** In topological order. */
  instances: readonly Instance[];
  states: Map<string, StepState | Known>;
  shortageAt: (step: string) => Shortage | undefined;
  /** What is told of the run, where it has ended but for these. */
  factOf?: FactOf;
  /** Runs a step by slices; given where the plan has some. */
  runSliced?: (instance: Instance, settled: (ids: string[]) => Promise<unknown>) => Promise<void>;
}

/**
 * Runs all instances, each when its needs are done. One that fails stops what depends on it and nothing
 * else: what can still be done is done, and is found in the store when the run is resumed.
 */
export async function runInstances(scope: Scope, people: People): Promise<void> {
  const settled = new Map<string, Promise<void>>();
  const allSettled = (ids: string[]) => Promise.all(ids.map((id) => settled.get(id)));
  const running = scope.instances.map((instance) => {
    const promise = instance.step.fanOut
      ? sliced(instance, scope, allSettled)
      : runInstance(instance, { scope, people, allSettled });
    settled.set(
      instance.id,
      promise.catch(() => {}),
    );
    return promise;
  });
  for (const result of await Promise.allSettled(running)) {
    if (result.status === 'rejected') throw result.reason;
  }
}

async function sliced(
  instance: Instance,
  { runSliced }: Scope,
  allSettled: (ids: string[]) => Promise<unknown>,
): Promise<void> {
  if (runSliced === undefined) throw new Error(`nobody runs ${instance.id} by slices`);
  await runSliced(instance, allSettled);
}

interface Surroundings {
  scope: Scope;
  people: People;
  allSettled: (ids: string[]) => Promise<unknown>;
}

async function runInstance(instance: Instance, { scope, people, allSettled }: Surroundings): Promise<void> {
  const { plan, states, shortageAt, factOf } = scope;
  const { changed, answers, isLeaving } = people;
  const state = states.get(instance.id) as StepState | undefined;
  if (state === undefined) throw new Error(`no state for ${instance.id}`);
  // It had ended before a slice went on as a new workflow.
  if (state.endedAt !== undefined) return;
  const needs = needsOf(plan, instance);
  await allSettled(needs.flatMap(({ ids }) => ids));
  // What it needs may have been left as well.
  if (isLeaving?.()) return;
  const obstacle = obstacleOf(needs, states, shortageAt);
  if (obstacle !== undefined) {
    skip(state, obstacle);
    return changed();
  }
  state.startedAt = Date.now();
  try {
    const { step } = instance;
    const outputsOf = (id: string) => outputsAt(states.get(id));
    const refs = slicedRefsOf(plan, instance);
    const slices = refs.length === 0 ? undefined : await askSlices(instance.id, refs, states);
    if (slices !== undefined && 'reason' in slices) return skip(state, slices);
    const known = () => ({ ...paramsWithValue(plan, instance, outputsOf, slices), ...state.with });
    const held = <T>(evaluate: (params: JsonObject) => T) =>
      asked(answers).decided(state, known(), async (params) => evaluated(() => evaluate(params)));
    const want = () => isWanted(plan, instance, outputsOf, slices, factOf);
    // Steps that ask nobody wait for nothing here: more waits would reorder the commands of old histories.
    const wanted = step.holdsExpressions && step.when ? await held(want) : evaluated(want);
    if (wanted === undefined) return skip(state, byPerson);
    if (!wanted) return skip(state, { reason: `when is false: ${step.when?.written}`, tolerated: true });
    if (step.approve !== undefined) await asked(answers).approved(step.approve, state);
    const resolve = (given: Plan) =>
      taskFor(given, instance, { ...scope, ...resolveWith(given, instance, outputsOf, slices, factOf) });
    const task = step.holdsExpressions
      ? await held((params) => resolve({ ...plan, with: { ...plan.with, [instance.id]: params } }))
      : evaluated(() => resolve(plan));
    if (task === undefined) return skip(state, byPerson);
    // A pause takes nothing of the time of its tries.
    if (step.always && people.pauses.concern(state)) await people.pauses.ended(state);
    const work = (params: JsonObject) => {
      const run = () => runStep(step, { ...task, params }, state, people);
      return step.always ? inTime(step, run) : run();
    };
    const done = await (step.onFailure === 'hold'
      ? asked(answers).decided(state, task.params, work)
      : work(task.params));
    if (done === undefined) return skip(state, byPerson);
    state.artifact = done.artifact;
    state.metrics = done.metrics;
    delete state.error;
    finish(state, 'done');
  } catch (error) {
    if (error instanceof Left) {
      state.status = 'waiting';
      return;
    }
    if (error instanceof ApplicationFailure)
      state.error = { code: error.type ?? '', message: `${error.message}${whereLogIs(state, scope)}` };
    if (isSpared(instance.step) && !isCancellation(error)) state.tolerated = true;
    finish(state, isCancellation(error) ? 'cancelled' : 'failed');
    if (!(error instanceof ApplicationFailure)) throw error;
  } finally {
    changed();
  }
}

/** What an instance has made; undefined if nothing. */
export function outputsAt(state: StepState | Known | undefined): StepDone | undefined {
  if (state?.artifact === undefined || state.status !== 'done') return undefined;
  return { artifact: state.artifact, metrics: state.metrics ?? {} };
}

function asked(answers: Answers | undefined): Answers {
  if (answers === undefined) throw new Error('there is nobody to ask');
  return answers;
}

/** How to read what a step said before it failed. */
function whereLogIs({ id, attempts }: StepState, { run }: RunId): string {
  const instance = id.includes('[') ? `'${id}'` : id;
  return attempts === 0 ? '' : ` Its log: \`npx f2c logs ${run} ${instance}\`.`;
}

function skip(state: StepState, { reason, tolerated }: Obstacle): void {
  state.reason = reason;
  if (tolerated) state.tolerated = true;
  finish(state, 'skipped');
}

const byPerson = { reason: 'skipped by a person', tolerated: true };

/** An expression that has no value fails its step: only now is it known what other steps have measured. */
function evaluated<T>(resolve: () => T): T {
  try {
    return resolve();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw finalFailure({ code: 'F2C_EXPRESSION_FAILED', message: `${error.message}.` });
  }
}

function finish(state: StepState, status: StepState['status']): void {
  delete state.paused;
  delete state.waitsFor;
  become(state, status);
  state.endedAt = Date.now();
}
