/** Runs inside the workflow: imports nothing but types and pure functions. */
import { placesOf, type Row, sameAxis } from './coordinates.ts';
import { stepOf } from './names.ts';
import type { OutcomesRef } from './outcomes.ts';
import type { Plan, PlanStep, Reference, Template } from './plan.ts';
import type { Instance } from './resolve.ts';

/** What steps that are run by slices have made, for those that gather it. */
export interface SlicedOutputs {
  artifacts(ref: SlicedRef): OutcomesRef;
  metrics(ref: SlicedRef): number[];
}

/** A gather over a step that is run by slices. */
export interface SlicedRef extends Pick<OutcomesRef, 'step' | 'places'> {
  output: string;
  metric: boolean;
}

/** What an instance gathers of steps that are run by slices. */
export function slicedRefsOf(plan: Plan, { step, row }: Instance): SlicedRef[] {
  const templates = [...Object.values(step.with), ...(step.when ? [step.when.value] : [])];
  return templates.flatMap(referencesIn).flatMap((reference) => {
    const other = reference.from === 'steps' ? stepOf(plan, reference.step) : undefined;
    return reference.from === 'steps' && other?.fanOut ? [slicedRef(other, reference.output, step, row)] : [];
  });
}

export function slicedRef(other: PlanStep, output: string, mine: PlanStep, row: Row): SlicedRef {
  const ownPlaces = placesOf(mine.axes, row);
  const places = other.axes.map(
    (axis) => ownPlaces[mine.axes.findIndex((each) => sameAxis(each, axis))] ?? null,
  );
  const isPart = places.some((place) => place !== null);
  const metric = other.output.name !== output;
  return { step: other.id, output, metric, ...(isPart && { places }) };
}

function referencesIn(template: Template): Reference[] {
  if ('ref' in template) return [template.ref];
  if ('op' in template) return template.of.flatMap(referencesIn);
  if ('text' in template) return template.text.flatMap(referencesIn);
  if ('list' in template) return template.list.flatMap(referencesIn);
  return 'map' in template ? Object.values(template.map).flatMap(referencesIn) : [];
}
