import type { StepDraft } from './draft.ts';

/** The steps that each step waits for. */
export type Needs = ReadonlyMap<string, ReadonlySet<string>>;

/** Every step behind the steps it needs; otherwise in the order of the file. Undefined if some wait in a circle. */
export function topologicalOrder(steps: readonly StepDraft[], needs: Needs): StepDraft[] | undefined {
  const done = new Set<string>();
  const order: StepDraft[] = [];
  let waiting = [...steps];
  while (waiting.length > 0) {
    const next = waiting.find(({ id }) => [...(needs.get(id) ?? [])].every((needed) => done.has(needed)));
    if (next === undefined) return undefined;
    waiting = waiting.filter((step) => step !== next);
    done.add(next.id);
    order.push(next);
  }
  return order;
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
