import { effectReason } from '../artifacts/lookup.ts';
import { forEachParallel } from '../artifacts/parallel.ts';
import { ExpressionError } from '../language/plan/evaluate.ts';
import { obstacleOf } from '../language/plan/obstacle.ts';
import type { Plan } from '../language/plan/plan.ts';
import {
  type Instance,
  isWanted,
  type Need,
  needsOf,
  resolveWith,
  stepIdOf,
} from '../language/plan/resolve.ts';
import { isSpared, type Shortage } from '../language/plan/shortage.ts';
import { type RunId, type StepDone, type StepTask, taskFor } from './tasks.ts';

/** What comes of step instances whose turn is yet to come, as far as it follows from what others give. */

/**
 * `open` is what nobody can know yet: it depends on what other steps make, on a person, or on a source that is elsewhere.
 * `skip`: its `when` is false, or it needs a step that is not done. `fail`: an expression of it has no value.
 */
export type Expectation = 'reuse' | 'run' | 'open' | 'skip' | 'fail';

/** What those have to know of an instance that need it. */
export interface Outlook {
  id: string;
  expect: Expectation;
  /** What a step that is reused gives to the steps that read it. */
  hit?: StepDone;
  /** Of one that is not done: the run does not fail for it. */
  tolerated?: true;
  /** Nobody can know yet whether it is done at all. */
  undecided?: true;
}

/** Does something for each instance after those that it needs, which come first in a plan; `limit` of them at a time. */
export async function inOrder(
  instances: readonly Instance[],
  limit: number,
  work: (instance: Instance) => Promise<void>,
): Promise<void> {
  for (const step of new Set(instances.map((instance) => instance.step))) {
    const all = instances.filter((instance) => instance.step === step);
    await forEachParallel(all, limit, work);
  }
}

/** What would become of what an instance needs. */
export interface Needed {
  known: readonly Outlook[];
  shortageAt: (step: string) => Shortage | undefined;
}

/** An output of a step that is yet to be made. */
class NotMade extends Error {}

type Decision = Omit<Outlook, 'id' | 'hit'> & { reason: string; dependsOn?: string[] };

/** The task of an instance, as a run would have it; or what comes of it without its work, or cannot be known yet. */
export function decide(
  plan: Plan,
  instance: Instance,
  { known, shortageAt }: Needed,
  run: RunId,
): { task: StepTask } | Decision {
  const { step } = instance;
  const needs = needsOf(plan, instance);
  const outlooks = new Map(known.map((outlook) => [outlook.id, outlook]));
  const ends = new Map(known.map((outlook) => [outlook.id, endOf(outlook)]));
  const obstacle = obstacleOf(needs, ends, shortageAt);
  if (obstacle !== undefined) {
    return { expect: 'skip', reason: obstacle.reason, ...(obstacle.tolerated && { tolerated: true }) };
  }
  const outputsOf = (needed: string) => {
    const outlook = outlooks.get(needed);
    if (outlook?.hit === undefined && !isMissing(outlook)) throw new NotMade();
    return outlook?.hit;
  };
  const dependsOn = known
    .filter((outlook) => outlook.hit === undefined && !isMissing(outlook))
    .map((need) => need.id);
  const undecided = needs.some((need) => isUndecided(need, outlooks));
  let atEnd = false;
  const factOf = () => {
    atEnd = true;
    throw new NotMade();
  };
  let wanted = false;
  try {
    if (!isWanted(plan, instance, outputsOf, undefined, factOf)) {
      return { expect: 'skip', reason: `when is false: ${step.when?.written}`, tolerated: true };
    }
    wanted = true;
    if (undecided) throw new NotMade();
    return {
      task: taskFor(plan, instance, {
        ...run,
        ...resolveWith(plan, instance, outputsOf, undefined, factOf),
      }),
    };
  } catch (error) {
    if (error instanceof ExpressionError && !undecided) {
      if (step.holdsExpressions) {
        return { expect: 'open', reason: `a person will be asked: ${error.message}`, undecided: true };
      }
      return { expect: 'fail', reason: error.message, ...(isSpared(step) && { tolerated: true }) };
    }
    if (!(error instanceof NotMade || error instanceof ExpressionError)) throw error;
    if (wanted && step.effect && !undecided) return { expect: 'run', reason: `miss: ${effectReason}` };
    const names = named([...dependsOn, ...(atEnd ? ['how the run ends'] : [])]);
    const reason = wanted
      ? `depends on ${names}`
      : `whether it is wanted depends on ${names}: when ${step.when?.written}`;
    return { expect: 'open', reason, dependsOn, ...((undecided || !wanted) && { undecided: true }) };
  }
}

/** Instances by name, or their number where a step has many of them; and how many more there are. */
function named(ids: string[]): string {
  const byStep = new Map<string, string[]>();
  for (const id of ids) {
    const step = stepIdOf(id);
    const of = byStep.get(step);
    if (of === undefined) byStep.set(step, [id]);
    else of.push(id);
  }
  const names = [...byStep].flatMap(([step, of]) =>
    of.length > mostOfStep ? [`${of.length} of ${step}`] : of,
  );
  const told = names.slice(0, mostNames);
  return [...told, ...(names.length > mostNames ? [`${names.length - mostNames} more`] : [])].join(', ');
}

const mostNames = 20;
const mostOfStep = 6;

/** As what an instance would end, for those that need it. */
export function endOf(outlook: Outlook) {
  const { id, expect, tolerated } = outlook;
  const status = isMissing(outlook) ? (expect === 'skip' ? 'skipped' : 'failed') : 'done';
  return { id, status, ...(tolerated && { tolerated }) };
}

function isMissing(outlook: Outlook | undefined): boolean {
  return outlook?.expect === 'skip' || outlook?.expect === 'fail';
}

/** Whether what another step needs may turn out to be missing. For a gather one instance is enough. */
function isUndecided({ ids, gathered }: Need, outlooks: Map<string, Outlook>): boolean {
  const present = ids.flatMap((id) => outlooks.get(id) ?? []).filter((outlook) => !isMissing(outlook));
  const open = present.filter(({ undecided }) => undecided);
  return gathered ? open.length > 0 && open.length === present.length : open.length > 0;
}
