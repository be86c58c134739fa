/** Runs inside the workflow: imports nothing but types and pure functions. */

import type { ParamDefinition } from '../grammar/params.ts';
import type { Json } from '../text/json.ts';
import type { Axis, PlanMatrix } from './plan.ts';

/** The value of every axis of an instance, by the axis' name. */
export type Coordinates = Record<string, Json>;

/** An axis while its file is checked; a plan has none of the rest. */
export interface GridAxis extends Axis {
  /** The list param that gives it its values. */
  param?: string;
  /** What its values are like that nobody knows yet: the run must give the param. */
  open?: ParamDefinition;
}

/** What tells the instances of a step apart; a step of a plan is one. */
export interface Grid {
  /** Those of one origin stand together. */
  axes: readonly GridAxis[];
  matrices?: readonly PlanMatrix[];
}

/** Where the value of each axis stands among the values of that axis, in the order of the axes. */
export type Row = readonly number[];

export function sameAxis(a: Axis, b: Axis): boolean {
  return a.name === b.name && a.origin === b.origin;
}

/**
 * Every combination that a grid means, the last axis changing fastest, and those that a matrix includes after its
 * others. `fixed` holds a part of the row for the origins whose axes are given.
 */
export function rowsOf(grid: Grid, fixed?: ReadonlyMap<string, Row>): Row[] {
  return familiesOf(grid).reduce<Row[]>(
    (sofar, { origin, axes, matrix }) => {
      const given = fixed?.get(origin);
      return crossed(sofar, given === undefined ? ownRows(axes, matrix) : [given]);
    },
    [[]],
  );
}

/** The steps whose matrices a grid is made of, in order. */
export function originsOf({ axes }: Pick<Grid, 'axes'>): string[] {
  return [...new Set(axes.map(({ origin }) => origin))];
}

/** The places of a row among the values that the file gives to its axes. */
export function placesOf(axes: readonly Axis[], row: Row): number[] {
  return axes.map(({ places }, index) => places?.[row[index] ?? 0] ?? row[index] ?? 0);
}

/** A row cut into the parts that belong to each origin. */
export function byOrigin(axes: readonly Axis[], row: Row): Map<string, Row> {
  const parts = new Map<string, number[]>();
  axes.forEach(({ origin }, index) => {
    const part = parts.get(origin) ?? [];
    part.push(row[index] ?? 0);
    parts.set(origin, part);
  });
  return parts;
}

export function coordinatesOf(axes: readonly Axis[], row: Row): Coordinates {
  const known = axes.flatMap(({ name, values }, index) => {
    const place = row[index] ?? 0;
    return place === open ? [] : [[name, values[place] ?? null] as const];
  });
  return Object.fromEntries(known);
}

/** What some axes of a grid can be together, each combination once. */
export function combinations(grid: Grid, used: readonly Axis[]): Coordinates[] {
  return familiesOf(grid).reduce<Coordinates[]>(
    (sofar, { axes, matrix }) => {
      const some = axes.filter((axis) => used.includes(axis));
      const rows = matrix === undefined ? ownRows(some) : projected(ownRows(axes, matrix), axes, some);
      const parts = rows.map((row) => coordinatesOf(some, row));
      return sofar.flatMap((coordinates) => parts.map((part) => ({ ...coordinates, ...part })));
    },
    [{}],
  );
}

/** How many combinations a grid means. */
export function countOf(grid: Grid): number {
  return familiesOf(grid).reduce(
    (product, { axes, matrix }) =>
      product *
      (matrix === undefined
        ? axes.reduce((each, axis) => each * choicesOf(axis).length, 1)
        : ownRows(axes, matrix).length),
    1,
  );
}

/** Short form of an axis value in ids: the value if it is short and plain, else its place in the axis. */
export function axisLabel({ values, places }: Axis, place: number): string {
  const value = values[place] ?? null;
  const text = typeof value === 'object' ? '' : String(value);
  return /^[A-Za-z0-9._+-]{1,40}$/.test(text) ? text : `#${(places?.[place] ?? place) + 1}`;
}

/** Stands for the place of a value that is not known yet. */
const open = -1;

function choicesOf(axis: GridAxis, listed = axis.values.length): number[] {
  return axis.open === undefined ? Array.from({ length: listed }, (_, place) => place) : [open];
}

interface Family {
  origin: string;
  axes: GridAxis[];
  matrix: PlanMatrix | undefined;
}

/** The axes by the step that declares them. */
function familiesOf({ axes, matrices = [] }: Grid): Family[] {
  return originsOf({ axes }).map((origin) => ({
    origin,
    axes: axes.filter((axis) => axis.origin === origin),
    matrix: matrices.find((matrix) => matrix.origin === origin),
  }));
}

/** The combinations of one matrix. */
function ownRows(axes: readonly GridAxis[], matrix?: PlanMatrix): Row[] {
  const listed = axes.reduce<Row[]>(
    (sofar, axis, index) =>
      crossed(
        sofar,
        choicesOf(axis, matrix?.listed[index]).map((place) => [place]),
      ),
    [[]],
  );
  if (matrix === undefined) return listed;
  const excludedBy = firstExclusion(matrix.exclude);
  return [...listed.filter((row) => excludedBy(row) === undefined), ...matrix.include];
}

/** The first entry that excludes a row, asked for every row: entries that name the same axes are one look-up. */
export function firstExclusion(entries: PlanMatrix['exclude']): (row: Row) => number | undefined {
  const named = new Map<string, { axes: number[]; firsts: Map<string, number> }>();
  for (const [index, entry] of entries.entries()) {
    const axes = entry.flatMap((place, axis) => (place === null ? [] : [axis]));
    const { firsts } = named.get(axes.join()) ?? { firsts: new Map<string, number>() };
    const key = axes.map((axis) => entry[axis]).join();
    if (!firsts.has(key)) firsts.set(key, index);
    named.set(axes.join(), { axes, firsts });
  }
  const lookUps = [...named.values()];
  return (row) => {
    const found = lookUps.flatMap(
      ({ axes, firsts }) => firsts.get(axes.map((axis) => row[axis]).join()) ?? [],
    );
    return found.length === 0 ? undefined : Math.min(...found);
  };
}

function projected(rows: readonly Row[], axes: readonly Axis[], some: readonly Axis[]): Row[] {
  const places = some.map((axis) => axes.indexOf(axis));
  const parts = rows.map((row) => places.map((place) => row[place] ?? 0));
  return [...new Map(parts.map((part) => [part.join(), part])).values()];
}

function crossed(rows: readonly Row[], others: readonly Row[]): Row[] {
  return rows.flatMap((row) => others.map((other) => [...row, ...other]));
}
