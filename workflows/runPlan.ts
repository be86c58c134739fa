import { workflowInfo } from '@temporalio/workflow';
import type { Plan } from '../language/plan/plan.ts';
import { type FactOf, instancesOfRun, stepIdOf } from '../language/plan/resolve.ts';
import { countsOf, inheritedShortage, shortageOf } from '../language/plan/shortage.ts';
import { finalFailure } from './attempts.ts';
import { FanOuts } from './fanOuts.ts';
import { LookAhead } from './lookAhead.ts';
import { failureOf } from './runFailure.ts';
import { type People, runInstances, type Scope } from './runInstances.ts';
import type { RunState } from './runTypes.ts';
import { Slots } from './slots.ts';

interface PlanRunner {
  /** Runs all but `always`; F2C_RUN_FAILED and F2C_TOO_FEW_DONE where it does not come to its end. */
  run(): Promise<void>;
  runAlways(factOf: FactOf): Promise<void>;
}

export function planRunner(plan: Plan, run: RunState, people: Omit<People, 'slots'>): PlanRunner {
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
  const all = instancesOfRun(plan);
  const instances = all.filter(({ step }) => !step.always);
  const { pauses, changed } = people;
  const paused = () => pauses.told();
  const fanOuts = new FanOuts({ plan, run: id, instances, states, shortageAt, paused, changed });
  pauses.listen(() => fanOuts.tellPaused());
  const attendants = { ...people, slots: new Slots(pauses, changed) };
  // Runs of older plans have histories with a look-up for each step.
  const lookAhead = plan.lookAhead && new LookAhead({ plan, instances, states, shortageAt });
  const scope = { ...id, plan, states, shortageAt };
  return {
    async run() {
      const runSliced: Scope['runSliced'] = (instance, settled) => fanOuts.runSliced(instance, settled);
      await runInstances(
        { ...scope, instances, runSliced },
        { ...attendants, ...(lookAhead && { lookAhead }) },
      );
      const shortages = plan.steps.flatMap((step) => shortageOf(step, countsAt(step.id)) ?? []);
      const failure = failureOf(run, shortages);
      if (failure !== undefined) throw finalFailure(failure);
    },
    runAlways: (factOf) =>
      runInstances({ ...scope, factOf, instances: all.filter(({ step }) => step.always) }, attendants),
  };
}
