import { Durations, type Estimate } from '../artifacts/durations.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { goesOnFrom } from '../artifacts/trainings.ts';
import { F2cError } from '../errors/failure.ts';
import type { Plan } from '../language/plan.ts';
import { dependenciesOf, type Instance, instancesOfRun, resolveWith } from '../language/resolve.ts';
import { lookUpTask, readFingerprint } from './reuse.ts';
import { type LookUp, type StepDone, type StepTask, taskFor } from './tasks.ts';

/** What a run would do with one step instance if it began now. */
export interface StepForecast {
  id: string;
  uses: string;
  /** `open` is what nobody can know yet: it depends on what other steps make, or on a source that is elsewhere. */
  expect: 'reuse' | 'run' | 'open';
  /** What the run itself would say of it; why an open one is open. */
  reason: string;
  /** Step instances that run or are open themselves, and on which it hangs what this one does. */
  dependsOn: string[];
  /** How long it takes, unless it is reused and where such steps ran before. */
  estimate?: Estimate;
  /** What a training goes on from, that was begun before. */
  training?: GoneOn;
}

interface GoneOn {
  step: number;
  /** Steps of the whole training. */
  steps?: number;
  /** Time that was put into what is there. */
  seconds: number;
}

interface Outlook extends StepForecast {
  /** What a step that is reused gives to the steps that read it. */
  hit?: StepDone;
}

/**
 * What a run of a plan would do, step instance by step instance, without doing or remembering any of it. The
 * questions are those of a run, so that both have the same answers as long as store and sources stay as they are.
 */
export async function forecast(
  store: ArtifactStore,
  plan: Plan,
  signal: AbortSignal,
): Promise<StepForecast[]> {
  const durations = new Durations(store);
  const outlooks = new Map<string, Promise<Outlook>>();
  for (const instance of instancesOfRun(plan)) {
    // Those needed come first in a plan.
    const needs = dependenciesOf(plan, instance).map((id) => outlooks.get(id) as Promise<Outlook>);
    const outlook = Promise.all(needs)
      .then((known) => look(store, plan, instance, known, signal))
      .then(async (found) => ({ ...found, ...(await estimateOf(found, instance, plan, durations)) }));
    outlooks.set(instance.id, outlook);
  }
  const found = await Promise.all(outlooks.values());
  return found.map(({ hit, ...step }) => step);
}

async function look(
  store: ArtifactStore,
  plan: Plan,
  instance: Instance,
  needs: Outlook[],
  signal: AbortSignal,
): Promise<Outlook> {
  const { id, step } = instance;
  const { uses } = step;
  const open = (reason: string, dependsOn: string[] = []): Outlook => ({
    id,
    uses,
    expect: 'open',
    reason,
    dependsOn,
  });
  const task = taskOf(plan, instance, needs);
  if (task === undefined) {
    const dependsOn = needs.filter(({ hit }) => hit === undefined).map((need) => need.id);
    return open(`depends on ${dependsOn.join(', ')}`, dependsOn);
  }
  if (step.fingerprint) {
    try {
      task.fingerprint = await readFingerprint(store, task, signal);
    } catch (error) {
      if (!(error instanceof F2cError)) throw error;
      return open(`its source cannot be read from here: ${error.code}: ${error.message}`);
    }
  }
  const found = await lookUpTask(store, task, { remember: false });
  const { reason, hit } = found;
  if (hit !== undefined) return { id, uses, expect: 'reuse', reason, dependsOn: [], hit };
  const training = step.output.kind === 'checkpoint' ? await trainingOf(store, task, found) : undefined;
  return { id, uses, expect: 'run', reason, dependsOn: [], ...(training && { training }) };
}

async function trainingOf(
  store: ArtifactStore,
  { force }: StepTask,
  { key, repair }: LookUp,
): Promise<GoneOn | undefined> {
  const state = await goesOnFrom(store, key, force && repair);
  if (state === undefined) return undefined;
  const { checkpoint, steps, seconds } = state;
  return { step: checkpoint.step, seconds, ...(steps !== undefined && { steps }) };
}

/** The task of an instance, as a run would have it; undefined while something that it reads is not made. */
function taskOf(plan: Plan, instance: Instance, needs: Outlook[]): StepTask | undefined {
  const hits = new Map(needs.map(({ id, hit }) => [id, hit]));
  let open = false;
  try {
    const { params, inputs } = resolveWith(plan, instance, (id) => {
      const hit = hits.get(id);
      if (hit !== undefined) return hit;
      open = true;
      throw new Error(`${id} is not made yet`);
    });
    return taskFor(plan, instance, { run: '', params, inputs });
  } catch (error) {
    if (open) return undefined;
    throw error;
  }
}

async function estimateOf(
  { expect, training }: StepForecast,
  { id, step }: Instance,
  plan: Plan,
  durations: Durations,
): Promise<{ estimate?: Estimate }> {
  if (expect === 'reuse') return {};
  if (training?.steps !== undefined && training.step > 0) {
    const seconds = (training.seconds / training.step) * (training.steps - training.step);
    return { estimate: { seconds, from: 'training' } };
  }
  const estimate = await durations.estimate(step.output.kind, step.uses, {
    pipeline: plan.name,
    instance: id,
  });
  return estimate === undefined ? {} : { estimate };
}
