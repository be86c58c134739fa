import type { StepDraft } from '../grammar/draft.ts';

/** The steps that each step waits for. */
export type Needs = ReadonlyMap<string, ReadonlySet<string>>;

/** Every step behind the steps it needs; otherwise in the order of the file. Undefined if some wait in a circle. */
export function topologicalOrder(steps: readonly StepDraft[], needs: Needs): StepDraft[] | undefined {
  const waiting = [...steps];
  const waits = new Set(steps.map(({ id }) => id));
  const order: StepDraft[] = [];
  while (waiting.length > 0) {
    const at = waiting.findIndex(({ id }) => !hasAny(waits, needs.get(id)));
    const next = waiting[at];
    if (next === undefined) return undefined;
    waiting.splice(at, 1);
    waits.delete(next.id);
    order.push(next);
  }
  return order;
}

function hasAny(ids: ReadonlySet<string>, some: ReadonlySet<string> | undefined): boolean {
  for (const id of some ?? []) if (ids.has(id)) return true;
  return false;
}

/** The circles in which steps wait for each other, each as `[a, b, a]`: one a group of such steps. */
export function findCircles(steps: readonly StepDraft[], needs: Needs): string[][] {
  const circles: string[][] = [];
  const reported = new Set<string>();
  for (const { id } of steps) {
    if (reported.has(id)) continue;
    const circle = shortestWay(id, id, needs);
    if (circle === undefined) continue;
    circles.push(circle);
    // What waits for itself through this step belongs to the same group.
    for (const { id: other } of steps) {
      const together = shortestWay(id, other, needs) && shortestWay(other, id, needs);
      if (together !== undefined) reported.add(other);
    }
  }
  return circles;
}

function shortestWay(from: string, to: string, needs: Needs): string[] | undefined {
  const seen = new Set<string>();
  let ways = [[from]];
  while (ways.length > 0) {
    const longer: string[][] = [];
    for (const way of ways) {
      for (const next of needs.get(way.at(-1) ?? from) ?? []) {
        if (next === to) return [...way, next];
        if (seen.has(next)) continue;
        seen.add(next);
        longer.push([...way, next]);
      }
    }
    ways = longer;
  }
  return undefined;
}
