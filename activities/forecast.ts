import { Durations, type Estimate } from '../artifacts/durations.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import type { Plan } from '../language/plan.ts';
import { dependenciesOf, type Instance, instancesOf, resolveWith } from '../language/resolve.ts';
import { lookUpTask, readFingerprint } from './reuse.ts';
import type { StepDone, StepTask } from './tasks.ts';

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
  for (const step of plan.steps) {
    for (const instance of instancesOf(plan, step.id)) {
      const needs = dependenciesOf(plan, instance).map((id) => outlooks.get(id) as Promise<Outlook>);
      // Those needed come first in a plan.
      const outlook = Promise.all(needs).then((known) => look(store, plan, instance, known, signal));
      outlooks.set(
        instance.id,
        outlook.then(async (found) => ({
          ...found,
          ...(await estimateOf(found, instance, plan, durations)),
        })),
      );
    }
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
  const { reason, hit } = await lookUpTask(store, task, { remember: false });
  return { id, uses, expect: hit ? 'reuse' : 'run', reason, dependsOn: [], ...(hit && { hit }) };
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
    const { uses, version } = instance.step;
    return { pipeline: plan.name, run: '', step: instance.id, uses, version, params, inputs };
  } catch (error) {
    if (open) return undefined;
    throw error;
  }
}

async function estimateOf(
  { expect }: StepForecast,
  { id, step }: Instance,
  plan: Plan,
  durations: Durations,
): Promise<{ estimate?: Estimate }> {
  if (expect === 'reuse') return {};
  const estimate = await durations.estimate(step.output.kind, step.uses, {
    pipeline: plan.name,
    instance: id,
  });
  return estimate === undefined ? {} : { estimate };
}
