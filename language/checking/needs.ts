import type { PipelineDraft } from '../grammar/draft.ts';
import { usesPipeline } from '../grammar/uses.ts';
import { type Bound, referencesIn, sourcesIn } from '../references/bind.ts';
import type { Needed } from '../references/frame.ts';
import { beginsLater, type Scope } from '../references/scope.ts';
import type { Findings } from '../text/findings.ts';
import { nearest } from '../text/nearest.ts';
import type { Path } from '../text/places.ts';

/** The steps of the file that must be done first, in the order of the file; unknown names are reported here. */
export function needsOf({ step, draft }: Scope, values: readonly Bound[], findings: Findings): Set<string> {
  const path = ['steps', step.id];
  const needs = new Set<string>();
  const name = (id: string, at: Path): void => {
    const needed = draft.steps.get(id);
    if (needed?.always && !step.always) findings.atValue(at, beginsLater(id));
    else if (needed !== undefined) needs.add(id);
    else findings.atValue(at, `There is no step \`${id}\``, nearest(id, draft.steps.keys()));
  };
  step.needs.forEach((id, index) => {
    name(id, [...path, 'needs', index]);
  });
  if (step.each !== undefined) name(step.each, [...path, 'each']);
  for (const { ref } of values.flatMap(referencesIn)) {
    if (ref.reference.from === 'steps') needs.add(ref.reference.step);
  }
  const places = placesIn(draft);
  return new Set([...needs].sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0)));
}

/** What a step needs, by ids of the plan. */
export interface PlanNeeds {
  needs: string[];
  /** Of `needs`, the steps that are gathered and nothing else: of those, the instances that are done will do. */
  gathers: string[];
  /** Sub-pipelines that must be done as a whole. */
  wholes: string[];
}

/** `values` are all that the step reads: its `with`, its `when`, and those of the steps around it. */
export function planNeeds(scope: Scope, values: readonly Bound[]): PlanNeeds {
  const named = [...scope.frame.needs, ...namedNeeds(scope)];
  const sources = values.flatMap(sourcesIn);
  const whole = new Set([
    ...named.flatMap(({ id, isPipeline }) => (isPipeline ? [] : [id])),
    ...sources.flatMap(({ step, gather }) => (gather ? [] : [step])),
  ]);
  const needs = inOrderOfFile(new Set([...whole, ...sources.map(({ step }) => step)]), scope);
  return {
    needs,
    gathers: needs.filter((id) => !whole.has(id)),
    wholes: [...new Set(named.flatMap(({ id, isPipeline }) => (isPipeline ? [id] : [])))],
  };
}

/** What a step needs by `needs` and `each`. */
export function namedNeeds({ step, draft, frame }: Scope): Needed[] {
  return [...step.needs, ...(step.each === undefined ? [] : [step.each])].flatMap((id) => {
    const needed = draft.steps.get(id);
    return needed === undefined ? [] : [{ id: `${frame.prefix}${id}`, isPipeline: usesPipeline(needed) }];
  });
}

/** Where each step stands in its file: asked for every step of it. */
const orders = new WeakMap<PipelineDraft, Map<string, number>>();

function placesIn(draft: PipelineDraft): Map<string, number> {
  const known = orders.get(draft) ?? new Map([...draft.steps.keys()].map((id, index) => [id, index]));
  orders.set(draft, known);
  return known;
}

/** What stands around the file comes first. */
function inOrderOfFile(ids: ReadonlySet<string>, { draft, frame: { prefix } }: Scope): string[] {
  const places = placesIn(draft);
  const place = (id: string): number =>
    id.startsWith(prefix) ? (places.get(id.slice(prefix.length).split('.', 1)[0] ?? '') ?? -1) : -1;
  return [...ids].sort((a, b) => place(a) - place(b));
}
