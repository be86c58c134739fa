import { Durations, type Estimate } from '../artifacts/durations.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { goesOnFrom } from '../artifacts/trainings.ts';
import { F2cError } from '../errors/failure.ts';
import type { Plan } from '../language/plan/plan.ts';
import { type Instance, instancesOfRun, needsOf } from '../language/plan/resolve.ts';
import { countsOf, inheritedShortage } from '../language/plan/shortage.ts';
import { type InstanceForecasts, together, wholePlan } from './forecastSlices.ts';
import { decide, type Expectation, endOf, inOrder, type Needed, type Outlook } from './outlook.ts';
import { lookUpTask, readFingerprint } from './reuse.ts';
import type { LookUp, StepTask } from './tasks.ts';

/** What a run would do with one step instance if it began now. */
export interface StepForecast {
  id: string;
  uses: string;
  expect: Expectation;
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

type Foretold = StepForecast & Outlook;

/** The run that is foretold has no name yet. */
const noRun = { run: '', execution: '' };

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
  const outlooks = new Map<string, Foretold>();
  const ends: (ReturnType<typeof endOf> & { step: string })[] = [];
  const countsAt = (step: string) => countsOf(ends.filter((end) => end.step === step));
  const shortageAt = (step: string) => inheritedShortage(plan, step, countsAt);
  await inOrder(instances, questionsAtATime, async (instance) => {
    const needed = needsOf(plan, instance).flatMap(({ ids }) => ids);
    const known = needed.flatMap((id) => outlooks.get(id) ?? []);
    const found = await look(store, plan, instance, { known, shortageAt }, signal);
    outlooks.set(instance.id, { ...found, ...(await estimateOf(found, instance, plan, durations)) });
    ends.push({ ...endOf(found), step: instance.step.id });
  });
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
): Promise<Foretold> {
  const { step } = instance;
  const said = { id: instance.id, uses: step.uses, dependsOn: [] };
  const asked = { ...said, ...(step.approve && { approve: true as const }) };
  const decision = decide(plan, instance, needed, noRun);
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
