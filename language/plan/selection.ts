import { F2cError } from '../../errors/failure.ts';
import type { JsonObject } from '../text/json.ts';
import { nearest } from '../text/nearest.ts';
import { isNamed, namesOf } from './names.ts';
import type { Plan } from './plan.ts';
import { type Instance, instancesOf, needsOf, stepIdOf } from './resolve.ts';

/**
 * Which steps a run makes anew, is limited to, or does in another way than the file says: ids of steps, `train`, or of
 * instances, `train[head=dcp]`.
 */
export interface Selection {
  /** Run although the store has what they make, which is replaced. */
  force?: string[];
  /** Forced together with everything that depends on them. */
  from?: string[];
  /** The run consists of these and what they need. */
  only?: string[];
  /** Params of single instances that a person has changed while they were held. */
  with?: Record<string, JsonObject>;
}

/** The plan with a selection in it; F2C_STEP_UNKNOWN. */
export function select(
  plan: Plan,
  { force = [], from = [], only = [], with: changed = {} }: Selection,
): Plan {
  const all = plan.steps.flatMap((step) => instancesOf(plan, step.id));
  const kept = only.length === 0 ? all : withNeeds(plan, all, named(plan, all, only));
  for (const name of [...force, ...from]) {
    if (named(plan, all, [name]).some((instance) => kept.includes(instance))) continue;
    throw new F2cError('F2C_STEP_UNKNOWN', {
      what: `The step "${name}" is not part of the run, which is limited to ${only.join(', ')} and what they need`,
      fix: 'Name it in `only` as well, or leave it out',
    });
  }
  const changes = Object.entries(changed).flatMap(([name, params]) =>
    named(plan, all, [name]).map(({ id }) => [id, params] as const),
  );
  const forced = new Set([...named(plan, all, force), ...withDependents(plan, all, named(plan, all, from))]);
  return {
    ...plan,
    ...(forced.size > 0 && { force: idsOf(kept.filter((instance) => forced.has(instance))) }),
    ...(only.length > 0 && { only: idsOf(kept) }),
    ...(changes.length > 0 && { with: Object.fromEntries(changes) }),
  };
}

function named(plan: Plan, all: Instance[], names: string[]): Instance[] {
  return names.flatMap((name) => {
    const found = all.filter(({ id }) => isNamed(id, name));
    if (found.length > 0) return found;
    const sliced = plan.steps.find(({ id, fanOut }) => fanOut && id === stepIdOf(name));
    if (sliced !== undefined) {
      throw new F2cError('F2C_STEP_UNKNOWN', {
        what: `"${name}" cannot be chosen by itself: ${sliced.id} has so many instances that they are chosen as a whole`,
        fix: `Name ${sliced.id}; what is in the store is reused where it is not forced`,
      });
    }
    const known = new Set(all.flatMap(({ id }) => namesOf(id)));
    const meant = nearest(name, known);
    throw new F2cError('F2C_STEP_UNKNOWN', {
      what: `The pipeline ${plan.name} has no step "${name}"`,
      fix:
        meant === undefined
          ? `There are: ${plan.steps.map(({ id }) => id).join(', ')}`
          : `Did you mean "${meant}"?`,
    });
  });
}

/** Instances with all that depend on them. A plan has what is needed first. */
function withDependents(plan: Plan, all: Instance[], chosen: Instance[]): Instance[] {
  const ids = new Set(idsOf(chosen));
  for (const instance of all) {
    if (neededBy(plan, instance).some((id) => ids.has(id))) ids.add(instance.id);
  }
  return all.filter(({ id }) => ids.has(id));
}

function withNeeds(plan: Plan, all: Instance[], chosen: Instance[]): Instance[] {
  const ids = new Set(idsOf(chosen));
  for (const instance of all.toReversed()) {
    if (!ids.has(instance.id)) continue;
    for (const id of neededBy(plan, instance)) ids.add(id);
  }
  return all.filter(({ id }) => ids.has(id));
}

/** Those that a gather may do without as well: only the run finds out which they are. */
function neededBy(plan: Plan, instance: Instance): string[] {
  return needsOf(plan, instance).flatMap(({ ids }) => ids);
}

function idsOf(instances: Instance[]): string[] {
  return instances.map(({ id }) => id);
}
