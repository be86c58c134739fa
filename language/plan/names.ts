/** Runs inside the workflow: imports nothing but types. */
import type { Plan, PlanStep } from './plan.ts';

/** Ids of step instances: `train`, `train[head=dcp]`, and `folds.train[head=dcp]` within a step that uses a pipeline. */

/**
 * Whether a name means an instance: by its id, by that of its step, or by that of a step around it. `folds` is all
 * of the pipeline that this step uses, and `folds[seed=1]` all that one instance of it has.
 */
export function isNamed(instance: string, name: string): boolean {
  const [step, axes] = partsOf(instance);
  const [named, wanted] = partsOf(name);
  if (instance === name || step === name) return true;
  if (!step.startsWith(`${named}.`)) return false;
  return wanted === '' || axes === wanted || axes.startsWith(`${wanted.slice(0, -1)},`);
}

/** The step of this id, or those of the sub-pipeline of this id. */
export function stepsNamed({ steps }: Pick<Plan, 'steps'>, name: string): PlanStep[] {
  return steps.filter(({ id }) => isNamed(id, name));
}

/** All names that mean an instance, without those of instances around it. */
export function namesOf(instance: string): string[] {
  const [step] = partsOf(instance);
  const parts = step.split('.');
  return [...parts.map((_, index) => parts.slice(0, index + 1).join('.')), instance];
}

function partsOf(id: string): [step: string, axes: string] {
  const at = id.indexOf('[');
  return at === -1 ? [id, ''] : [id.slice(0, at), id.slice(at)];
}

/** The steps of a plan by id: they are asked for again and again, and a plan never changes. */
const indexes = new WeakMap<Plan, Map<string, PlanStep>>();

export function stepOf(plan: Plan, id: string): PlanStep {
  const index = indexes.get(plan) ?? new Map(plan.steps.map((step) => [step.id, step]));
  indexes.set(plan, index);
  const step = index.get(id);
  if (step === undefined) throw new Error(`the plan has no step ${id}`);
  return step;
}
