/** Runs inside the workflow: imports nothing but types and pure functions. */
import { countOf, type Grid, originsOf, type Row, rowsOf } from './coordinates.ts';
import { stepsNamed } from './names.ts';
import type { FanOut, Plan, PlanStep } from './plan.ts';

/** A step with more instances than this is run by slices, each a workflow of its own. */
export const largestWhole = 500;

/** Combinations of a slice at most. */
const mostCombinations = 100;

/** Instances that a slice should not have more of, if a combination has not more by itself. */
const instancesOfSlice = 200;

/** Slices of the same steps that are at work at a time. */
const slicesAtATime = 4;

export function isLarge(grid: Grid): boolean {
  return countOf(grid) > largestWhole;
}

/**
 * Says of the large steps how they are cut. Large steps made from one another are one family, whose slices
 * are those of the axes that all of them have. Two of them are in different groups where something outside of the
 * family comes in between: it needs all slices of the one before any of the other.
 */
export function withFanOuts(steps: PlanStep[]): PlanStep[] {
  const families: { base: PlanStep; steps: PlanStep[] }[] = [];
  for (const step of steps) {
    if (!isLarge(step)) continue;
    const family = families.find(({ base }) => begins(originsOf(step), originsOf(base)));
    if (family === undefined) families.push({ base: step, steps: [step] });
    else family.steps.push(step);
  }
  const found = new Map<string, FanOut>();
  for (const { base, steps: members } of families) {
    const one = countOf(base);
    const perCombination = members.reduce((sum, step) => sum + countOf(step) / one, 0);
    const size = Math.min(mostCombinations, Math.max(1, Math.floor(instancesOfSlice / perCombination)));
    const origins = originsOf(base);
    const { slices } = cutting({ base, size });
    const groups = groupsOf(steps, new Set(members.map(({ id }) => id)));
    for (const { id } of members) {
      found.set(id, { family: base.id, group: groups.get(id) ?? 0, origins, size, slices });
    }
  }
  return steps.map((step) => {
    const fanOut = found.get(step.id);
    return fanOut === undefined ? step : { ...step, fanOut };
  });
}

function begins(origins: string[], start: string[]): boolean {
  return start.every((origin, index) => origins[index] === origin);
}

/** How many times the way to each step has left the family and come back to it. */
function groupsOf(steps: PlanStep[], family: ReadonlySet<string>): Map<string, number> {
  const groups = new Map<string, number>();
  for (const step of steps) {
    const before = neededBy({ steps }, step).map((need) => {
      const group = groups.get(need.id) ?? 0;
      return family.has(need.id) && !family.has(step.id) ? group + 1 : group;
    });
    groups.set(step.id, Math.max(0, ...before));
  }
  return groups;
}

function neededBy(plan: Pick<Plan, 'steps'>, { needs, wholes = [] }: PlanStep): PlanStep[] {
  return [...needs, ...wholes].flatMap((name) => stepsNamed(plan, name));
}

/** How a family is cut: the rows of each origin, of which a slice has a part. */
interface Cutting {
  slices: number;
  rows: { origin: string; rows: Row[] }[];
  /** The origin that is cut into parts; a slice has one row of those before it, and all of those behind. */
  level: number;
  parts: number;
}

function cutting({ base, size }: { base: PlanStep; size: number }): Cutting {
  const rows = originsOf(base).map((origin) => ({ origin, rows: ownRows(base, origin) }));
  const counts = rows.map(({ rows }) => rows.length);
  let level = counts.length - 1;
  let behind = 1;
  while (level > 0 && behind * (counts[level] ?? 1) <= size) {
    behind *= counts[level] ?? 1;
    level--;
  }
  const parts = Math.ceil((counts[level] ?? 1) / Math.max(1, Math.floor(size / behind)));
  const before = counts.slice(0, level).reduce((product, count) => product * count, 1);
  return { slices: before * parts, rows, level, parts };
}

function ownRows({ axes, matrices = [] }: Grid, origin: string): Row[] {
  return rowsOf({
    axes: axes.filter((axis) => axis.origin === origin),
    matrices: matrices.filter((matrix) => matrix.origin === origin),
  });
}

/** The rows of each origin in one slice. */
function partOf({ rows, level, parts }: Cutting, slice: number): Map<string, Row[]> {
  const part = slice % parts;
  let outer = Math.floor(slice / parts);
  const kept = new Map<string, Row[]>();
  for (let index = rows.length - 1; index >= 0; index--) {
    const { origin, rows: all } = rows[index] as Cutting['rows'][number];
    if (index > level) kept.set(origin, all);
    else if (index === level) {
      const at = (which: number) => Math.round((which * all.length) / parts);
      kept.set(origin, all.slice(at(part), at(part + 1)));
    } else {
      const place = outer % all.length;
      kept.set(origin, all.slice(place, place + 1));
      outer = Math.floor(outer / all.length);
    }
  }
  return kept;
}

/** Which part of a run a slice is. */
export interface SliceName {
  /** Ids of the steps, all of one group. */
  steps: string[];
  slice: number;
}

/**
 * The part of a plan that a slice runs: its steps with the instances of the slice alone, and what they need of
 * other steps, which others run.
 */
export function slicePlan(plan: Plan, { steps, slice }: SliceName): Plan {
  const byId = new Map(plan.steps.map((step) => [step.id, step]));
  const own = steps.flatMap((id) => byId.get(id) ?? []);
  const { fanOut } = own[0] ?? {};
  const base = fanOut && byId.get(fanOut.family);
  if (fanOut === undefined || base === undefined) throw new Error(`${steps.join()} is not run by slices`);
  const kept = partOf(cutting({ base, size: fanOut.size }), slice);
  const needed = new Set(own.flatMap((step) => neededBy(plan, step)).map(({ id }) => id));
  const isOwn = (id: string) => steps.includes(id);
  const part = plan.steps.flatMap((step) => {
    if (!isOwn(step.id) && !needed.has(step.id)) return [];
    const { fanOut: of, when, concurrency, ...cut } = { ...step, ...cutGrid(step, kept) };
    if (isOwn(step.id)) {
      const share = concurrency && Math.floor(concurrency / windowOf(own));
      return [{ ...cut, ...(when && { when }), ...(share && { concurrency: share }) }];
    }
    // Of its family, the same slice was run before; of another, all slices are to be gathered.
    return of === undefined || of.family === fanOut.family
      ? [{ ...cut, with: {} }]
      : [{ ...step, with: {}, needs: [] }];
  });
  const { stored: _, only: __, lookAhead: ___, ...rest } = plan;
  return { ...rest, steps: part };
}

/** How many slices of some steps are at work at a time: each has an equal share of what `concurrency` allows. */
export function windowOf(steps: readonly PlanStep[]): number {
  return Math.min(slicesAtATime, ...steps.map(({ concurrency = slicesAtATime }) => concurrency));
}

/** A grid with the given rows of some origins alone. */
function cutGrid(grid: Grid, kept: ReadonlyMap<string, Row[]>): Pick<PlanStep, 'axes' | 'matrices'> {
  const matrices = (grid.matrices ?? []).filter(({ origin }) => !kept.has(origin));
  const cut = new Map<string, { values: number[]; place: Map<number, number> }>();
  for (const origin of originsOf(grid)) {
    const rows = kept.get(origin);
    if (rows === undefined) continue;
    const axes = grid.axes.filter((axis) => axis.origin === origin);
    const used = axes.map(({ name }, index) => {
      const values = [...new Set(rows.map((row) => row[index] ?? 0))].sort((a, b) => a - b);
      const found = { values, place: new Map(values.map((value, place) => [value, place])) };
      cut.set(`${origin}.${name}`, found);
      return found;
    });
    matrices.push({
      origin,
      listed: axes.map(() => 0),
      exclude: [],
      include: rows.map((row) => row.map((value, index) => used[index]?.place.get(value) ?? 0)),
    });
  }
  const axes = grid.axes.map((axis) => {
    const { values } = cut.get(`${axis.origin}.${axis.name}`) ?? {};
    if (values === undefined) return axis;
    return { ...axis, values: values.map((place) => axis.values[place] ?? null), places: values };
  });
  return { axes, matrices };
}

/** Steps that are run together, slice by slice. */
export interface Unit {
  /** Names it within the run. */
  id: string;
  fanOut: FanOut;
  steps: PlanStep[];
}

/** What is run by slices, in topological order of the groups' first steps. */
export function unitsOf(steps: readonly PlanStep[]): Unit[] {
  const units = new Map<string, Unit>();
  for (const step of steps) {
    const { fanOut } = step;
    if (fanOut === undefined) continue;
    const name = `${fanOut.family} ${fanOut.group}`;
    const unit = units.get(name) ?? { id: step.id, fanOut, steps: [] };
    unit.steps.push(step);
    units.set(name, unit);
  }
  return [...units.values()];
}
