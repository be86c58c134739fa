import { workflowInfo } from '@temporalio/workflow';
import type { Plan } from '../language/plan.ts';
import { instancesOfRun, stepIdOf } from '../language/resolve.ts';
import { countsOf, inheritedShortage, shortageOf } from '../language/shortage.ts';
import { finalFailure } from './attempts.ts';
import { FanOuts } from './fanOuts.ts';
import { failureOf } from './runFailure.ts';
import { type People, runInstances } from './runInstances.ts';
import type { RunState } from './runTypes.ts';
import { Slots } from './slots.ts';

/** Runs all of a plan; F2C_RUN_FAILED and F2C_TOO_FEW_DONE where it does not come to its end. */
export async function runPlan(plan: Plan, run: RunState, people: Omit<People, 'slots'>): Promise<void> {
  const states = new Map(run.steps.map((state) => [state.id, state]));
  const countsAt = (step: string) => {
    const { tally } = states.get(step) ?? {};
    if (tally !== undefined) return { done: tally.done, total: tally.total - tally.unwanted };
    return countsOf(run.steps.filter(({ id }) => stepIdOf(id) === step));
  };
  const shortageAt = (step: string) => inheritedShortage(plan, step, countsAt);
  // A run that Temporal was told to reset is still the same one.
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const id = { run: workflowId, execution: firstExecutionRunId };
  const instances = instancesOfRun(plan);
  const { pauses, changed } = people;
  const paused = () => pauses.told();
  const fanOuts = new FanOuts({ plan, run: id, instances, states, shortageAt, paused, changed });
  pauses.listen(() => fanOuts.tellPaused());
  await runInstances(
    {
      ...id,
      plan,
      instances,
      states,
      shortageAt,
      runSliced: (instance, settled) => fanOuts.runSliced(instance, settled),
    },
    { ...people, slots: new Slots(pauses, changed) },
  );
  const shortages = plan.steps.flatMap((step) => shortageOf(step, countsAt(step.id)) ?? []);
  const failure = failureOf(run, shortages);
  if (failure !== undefined) throw finalFailure(failure);
}
