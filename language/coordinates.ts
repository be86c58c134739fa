import type { Json } from './json.ts';
import type { Axis } from './plan.ts';

/** The value of every axis of an instance, by the axis' name. */
export type Coordinates = Record<string, Json>;

export function sameAxis(a: Axis, b: Axis): boolean {
  return a.name === b.name && a.origin === b.origin;
}

/** Every combination of the axes' values, the last axis changing fastest. */
export function combinations(axes: readonly Axis[]): Coordinates[] {
  return axes.reduce<Coordinates[]>(
    (sofar, { name, values }) =>
      sofar.flatMap((coordinates) => values.map((value) => ({ ...coordinates, [name]: value }))),
    [{}],
  );
}

/** Short form of an axis value in ids: the value if it is short and plain, else its place in the axis. */
export function axisLabel(axis: Axis, value: Json): string {
  const text = typeof value === 'object' ? '' : String(value);
  if (/^[A-Za-z0-9._+-]{1,40}$/.test(text)) return text;
  // Compared as text: coordinates that went through Temporal are copies.
  const wanted = JSON.stringify(value);
  return `#${axis.values.findIndex((candidate) => JSON.stringify(candidate) === wanted) + 1}`;
}
