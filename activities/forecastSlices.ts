import type { Plan } from '../language/plan/plan.ts';
import { instancesOf, stepIdOf } from '../language/plan/resolve.ts';
import type { StepForecast } from './forecast.ts';

/** How many instances do what, and how long that takes one after the other; null where that is not known. */
export interface InstanceForecasts {
  reuse: number;
  run: number;
  open: number;
  skip: number;
  fail: number;
  runSeconds: number | null;
  openSeconds: number | null;
}

/** A plan as if all of its steps were run by one workflow. */
export function wholePlan(plan: Plan): Plan {
  const sliced = new Set(plan.steps.flatMap(({ id, fanOut }) => (fanOut ? [id] : [])));
  const whole = { ...plan, steps: plan.steps.map(({ fanOut: _, ...step }) => step) };
  if (plan.only === undefined) return whole;
  const idsOf = (id: string) => (sliced.has(id) ? instancesOf(whole, id).map((each) => each.id) : [id]);
  return { ...whole, only: plan.only.flatMap(idsOf) };
}

const expectations = ['run', 'open', 'fail', 'reuse', 'skip'] as const;

/** The instances of a step that is run by slices as one. */
export function together(id: string, all: StepForecast[]): StepForecast {
  const [first] = all;
  const those = (expect: StepForecast['expect']) => all.filter((each) => each.expect === expect);
  const expect = expectations.find((each) => those(each).length > 0) ?? 'reuse';
  const [leading] = those(expect);
  const dependsOn = [...new Set(all.flatMap((each) => each.dependsOn.map(stepIdOf)))];
  return {
    id,
    uses: first?.uses ?? '',
    expect,
    reason:
      leading === undefined || leading.id === first?.id
        ? (first?.reason ?? '')
        : `${leading.id}: ${leading.reason}`,
    dependsOn,
    instances: {
      reuse: those('reuse').length,
      run: those('run').length,
      open: those('open').length,
      skip: those('skip').length,
      fail: those('fail').length,
      runSeconds: secondsOf(those('run')),
      openSeconds: secondsOf(those('open')),
    },
  };
}

/** Of steps one after the other; null where nothing is known of one of them. */
export function secondsOf(steps: StepForecast[]): number | null {
  let sum = 0;
  for (const { estimate } of steps) {
    if (estimate === undefined) return null;
    sum += estimate.seconds;
  }
  return sum;
}
