import { Durations, type Estimate } from '../artifacts/durations.ts';
import { effectReason } from '../artifacts/lookup.ts';
import { forEachParallel } from '../artifacts/parallel.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { goesOnFrom } from '../artifacts/trainings.ts';
import { F2cError } from '../errors/failure.ts';
import { ExpressionError } from '../language/plan/evaluate.ts';
import { obstacleOf } from '../language/plan/obstacle.ts';
import type { Plan } from '../language/plan/plan.ts';
import {
  type Instance,
  instancesOfRun,
  isWanted,
  type Need,
  needsOf,
  resolveWith,
  stepIdOf,
} from '../language/plan/resolve.ts';
import { countsOf, inheritedShortage, isSpared, type Shortage } from '../language/plan/shortage.ts';
import { type InstanceForecasts, together, wholePlan } from './forecastSlices.ts';
import { lookUpTask, readFingerprint } from './reuse.ts';
import { type LookUp, type StepDone, type StepTask, taskFor } from './tasks.ts';

/** What a run would do with one step instance if it began now. */
export interface StepForecast {
  id: string;
  uses: string;
  /**
   * `open` is what nobody can know yet: it depends on what other steps make, or on a source that is elsewhere.
   * `skip`: its `when` is false, or it needs a step that is not done. `fail`: an expression of it has no value.
   */
  expect: 'reuse' | 'run' | 'open' | 'skip' | 'fail';
  /** What the run itself would say of it; why an open one is open. */
  reason: string;
  /** Step instances that run or are open themselves, and on which it hangs what this one does. */
  dependsOn: string[];
  /** Set where a person has to approve it first, in every run; what is said here supposes that somebody does. */
  approve?: true;
  /** How long it takes if it runs, where such steps ran before. */
  estimate?: Estimate;
  /** Of a step that is run by slices, which stands here as a whole: what is expected of its instances. */
  instances?: InstanceForecasts;
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
  /** Of one that is not done: the run does not fail for it. */
  tolerated?: true;
  /** Nobody can know yet whether it is done at all. */
  undecided?: true;
}

/**
 * What a run of a plan would do, step instance by step instance, without doing or remembering any of it. The
 * questions are those of a run, so that both have the same answers as long as store and sources stay as they are,
 * and no step fails at its work.
 */
export async function forecast(
  store: ArtifactStore,
  planned: Plan,
  signal: AbortSignal,
): Promise<StepForecast[]> {
  const durations = new Durations(store);
  const plan = wholePlan(planned);
  const instances = instancesOfRun(plan);
  const outlooks = new Map<string, Outlook>();
  const ends: (ReturnType<typeof endOf> & { step: string })[] = [];
  const countsAt = (step: string) => countsOf(ends.filter((end) => end.step === step));
  const shortageAt = (step: string) => inheritedShortage(plan, step, countsAt);
  // Those needed come first in a plan.
  for (const step of new Set(instances.map((instance) => instance.step))) {
    const all = instances.filter((instance) => instance.step === step);
    await forEachParallel(all, questionsAtATime, async (instance) => {
      const needed = needsOf(plan, instance).flatMap(({ ids }) => ids);
      const known = needed.flatMap((id) => outlooks.get(id) ?? []);
      const found = await look(store, plan, instance, { known, shortageAt }, signal);
      outlooks.set(instance.id, { ...found, ...(await estimateOf(found, instance, plan, durations)) });
    });
    for (const { id } of all) ends.push({ ...endOf(outlooks.get(id) as Outlook), step: step.id });
  }
  return planned.steps.flatMap(({ id, fanOut }) => {
    const own = instances.filter(({ step }) => step.id === id);
    const found = own.flatMap((instance) => outlooks.get(instance.id) ?? []);
    const told = found.map(({ hit, tolerated, undecided, ...step }) => step);
    return fanOut && told.length > 0 ? [together(id, told)] : told;
  });
}

/** Instances that the store is asked for at a time. */
const questionsAtATime = 32;

async function look(
  store: ArtifactStore,
  plan: Plan,
  instance: Instance,
  needed: Needed,
  signal: AbortSignal,
): Promise<Outlook> {
  const { step } = instance;
  const said = { id: instance.id, uses: step.uses, dependsOn: [] };
  const asked = { ...said, ...(step.approve && { approve: true as const }) };
  const decision = decide(plan, instance, needed);
  if ('expect' in decision)
    return { ...(['open', 'run'].includes(decision.expect) ? asked : said), ...decision };
  const { task } = decision;
  if (step.fingerprint) {
    try {
      task.fingerprint = await readFingerprint(store, task, signal);
    } catch (error) {
      if (!(error instanceof F2cError)) throw error;
      const reason = `its source cannot be read from here: ${error.code}: ${error.message}`;
      return { ...asked, expect: 'open', reason };
    }
  }
  const found = await lookUpTask(store, task, { remember: false });
  const { reason, hit } = found;
  if (hit !== undefined) return { ...asked, expect: 'reuse', reason, hit };
  const training = step.output.kind === 'checkpoint' ? await trainingOf(store, task, found) : undefined;
  return { ...asked, expect: 'run', reason, ...(training && { training }) };
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

/** What would become of what an instance needs. */
interface Needed {
  known: Outlook[];
  shortageAt: (step: string) => Shortage | undefined;
}

/** An output of a step that is yet to be made. */
class NotMade extends Error {}

type Decision = Pick<Outlook, 'expect' | 'reason' | 'tolerated' | 'undecided'> & { dependsOn?: string[] };

/** The run that is foretold has no name yet. */
const noRun = { run: '', execution: '' };

/** The task of an instance, as a run would have it; or what comes of it without its work, or cannot be known yet. */
function decide(
  plan: Plan,
  instance: Instance,
  { known, shortageAt }: Needed,
): { task: StepTask } | Decision {
  const { id, step } = instance;
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
        ...noRun,
        ...resolveWith(plan, instance, outputsOf, undefined, factOf),
      }),
    };
  } catch (error) {
    if (error instanceof ExpressionError && !undecided) {
      const reason = `an expression of ${id} has no value: ${error.message}`;
      return { expect: 'fail', reason, ...(isSpared(step) && { tolerated: true }) };
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
function endOf(outlook: Outlook) {
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

async function estimateOf(
  { expect, training }: StepForecast,
  { id, step }: Instance,
  plan: Plan,
  durations: Durations,
): Promise<{ estimate?: Estimate }> {
  if (expect !== 'run' && expect !== 'open') return {};
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
