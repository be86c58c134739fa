import type { MatrixDraft } from '../grammar/draft.ts';
import {
  axisLabel,
  countOf,
  firstExclusion,
  type Grid,
  type GridAxis,
  type Row,
  rowsOf,
} from '../plan/coordinates.ts';
import type { PlanMatrix } from '../plan/plan.ts';
import type { Findings } from '../text/findings.ts';
import type { Json, JsonObject } from '../text/json.ts';
import { nearest } from '../text/nearest.ts';
import { parseScalar } from '../text/parse.ts';
import type { Path } from '../text/places.ts';
import { type AxisParams, readParamAxis } from './paramAxes.ts';

/** More than are ever left; looking at each takes time. */
const maxBeforeExclude = 100_000;

/** The place of no value at all. */
const absent = -2;

/** Values are listed in a message as long as they are few. */
const maxToldValues = 12;

/** The axes of a step's own matrix, and which combinations of them are meant. Undefined if anything is wrong. */
export function checkMatrix(
  step: string,
  draft: MatrixDraft,
  params: AxisParams,
  findings: Findings,
): Grid | undefined {
  const names = Object.keys(Object.keys(draft.axes).length > 0 ? draft.axes : (draft.include[0] ?? {}));
  const axes = names.map((name): GridAxis | undefined => {
    const values = draft.axes[name] ?? [];
    if (typeof values === 'string') return readParamAxis(step, name, values, params, findings);
    return { name, origin: step, values: [...values] };
  });
  const known = axes.filter((axis) => axis !== undefined);
  return known.length < axes.length ? undefined : new MatrixReader(known, draft, findings, step).read();
}

/** Where a value of an axis is written: in the axis, or in the first entry of `include` that has it. */
export function pathOfValue({ axes, matrices = [] }: Grid, axis: GridAxis, place: number): Path {
  const path = ['steps', axis.origin, 'matrix'];
  // In the plan, the origin of a step that is part of another pipeline has another name.
  const origin = axes.find(({ name }) => name === axis.name)?.origin;
  const index = axes.filter((each) => each.origin === origin).findIndex(({ name }) => name === axis.name);
  const matrix = matrices.find((each) => each.origin === origin);
  if (matrix === undefined || place < (matrix.listed[index] ?? 0)) {
    return axis.param === undefined ? [...path, axis.name, place] : [...path, axis.name];
  }
  return [...path, 'include', matrix.include.findIndex((row) => row[index] === place), axis.name];
}

class MatrixReader {
  readonly #path: Path;
  readonly #draft: MatrixDraft;
  readonly #findings: Findings;
  readonly #axes: GridAxis[];
  readonly #listed: number[];
  /** Of each axis, the place of every value by its JSON, and the value by its label. */
  readonly #places: Map<string, number>[];
  readonly #labels: Map<string, Json>[];
  #sound = true;

  constructor(axes: GridAxis[], draft: MatrixDraft, findings: Findings, step: string) {
    this.#path = ['steps', step, 'matrix'];
    this.#draft = draft;
    this.#findings = findings;
    this.#axes = axes;
    this.#listed = this.#axes.map(({ values }) => values.length);
    this.#places = this.#axes.map(() => new Map());
    this.#labels = this.#axes.map(() => new Map());
  }

  read(): Grid | undefined {
    this.#axes.forEach((axis, index) => {
      this.#checkAxis(axis, index);
    });
    if (!this.#sound) return undefined;
    const { exclude, include } = this.#draft;
    if (exclude.length === 0 && include.length === 0) return { axes: this.#axes };
    if (exclude.length > 0 && Object.keys(this.#draft.axes).length === 0) {
      const message = '`exclude` has nothing to take away: the matrix lists no values';
      this.#fault(['exclude'], message, undefined, true);
      return undefined;
    }
    const excluded = exclude.map((entry, index) => this.#excluded(entry, ['exclude', index]));
    const meant = excluded.filter((entry) => entry !== undefined);
    if (this.#sound && meant.length > 0) this.#checkExclude(excluded);
    const included = this.#sound ? this.#included(firstExclusion(meant)) : [];
    if (!this.#sound) return undefined;
    const [axis] = this.#axes;
    const matrix = { origin: axis?.origin ?? '', listed: this.#listed, exclude: meant, include: included };
    return { axes: this.#axes, matrices: [matrix] };
  }

  #checkAxis(axis: GridAxis, index: number): void {
    axis.values.forEach((value, place) => {
      const at = [axis.name, place];
      const label = axisLabel(axis, place);
      if (axis.param === undefined && !isPlain(value))
        this.#fault(at, 'A matrix holds plain values, not references');
      // Two values that look the same would give two instances the same id.
      else if (this.#labels[index]?.has(label) || this.#places[index]?.has(JSON.stringify(value))) {
        this.#report(at, `This value is given twice in the axis \`${axis.name}\``);
      }
      this.#places[index]?.set(JSON.stringify(value), place);
      this.#labels[index]?.set(label, value);
    });
  }

  /** Undefined where an entry names values of a param that this run does not have. */
  #excluded(entry: JsonObject, at: Path): (number | null)[] | undefined {
    if (Object.keys(entry).length === 0)
      this.#fault(at, 'This entry names no axis, and would exclude everything');
    this.#checkNames(entry, at);
    let isMeant = true;
    const places = this.#axes.map(({ name, values, param }, index) => {
      if (!Object.hasOwn(entry, name)) return null;
      const value = entry[name] ?? null;
      const place = this.#places[index]?.get(JSON.stringify(value));
      if (place !== undefined) return place;
      if (param !== undefined) {
        isMeant = false;
        return null;
      }
      const few = values.length <= maxToldValues ? `; it has ${values.map(written).join(', ')}` : '';
      const meant =
        typeof value === 'string'
          ? nearest(
              value,
              values.filter((each) => typeof each === 'string'),
            )
          : undefined;
      this.#fault([...at, name], `\`${written(value)}\` is not a value of the axis \`${name}\`${few}`, meant);
      return null;
    });
    return isMeant ? places : undefined;
  }

  #checkExclude(entries: readonly (PlanMatrix['exclude'][number] | undefined)[]): void {
    const total = countOf({ axes: this.#axes });
    if (total > maxBeforeExclude) {
      const message = `The axes have ${total} combinations before \`exclude\`; at most ${maxBeforeExclude} are possible`;
      this.#fault([], message, undefined, true);
    } else {
      // An entry that is not meant must not change the places of the others.
      const first = firstExclusion(entries.map((entry) => entry ?? this.#axes.map(() => absent)));
      const rows = rowsOf({ axes: this.#axes });
      const matches = rows.flatMap((row) => first(row) ?? []);
      const useful = new Set(matches);
      for (const [index, entry] of entries.entries()) {
        const byParam = this.#axes.some(({ param }, axis) => param !== undefined && entry?.[axis] !== null);
        if (!useful.has(index) && !byParam)
          this.#fault(['exclude', index], 'The entries before it exclude all that this one does');
      }
      if (matches.length === rows.length && this.#draft.include.length === 0) {
        this.#fault(['exclude'], '`exclude` leaves no combination', undefined, true);
      }
    }
  }

  #included(excludedBy: (row: Row) => number | undefined): number[][] {
    const seen = new Set<string>();
    return this.#draft.include.flatMap((entry, index) => {
      const at = ['include', index];
      this.#checkNames(entry, at);
      const row = this.#axes.map(({ name }, axis) => this.#includedPlace(entry, axis, name, at));
      const isListed = row.every((place, axis) => place < (this.#listed[axis] ?? 0));
      const isThere = isListed && excludedBy(row) === undefined;
      // What a run gives to a param may hold what the file adds to it.
      if (isThere && this.#axes.some(({ param }) => param !== undefined)) return [];
      if (this.#sound && (isThere || seen.has(row.join())))
        this.#fault(at, 'The matrix has this combination already');
      seen.add(row.join());
      return [row];
    });
  }

  /** The place of a value that an entry of `include` gives to an axis; it may be one that is not listed. */
  #includedPlace(entry: JsonObject, axis: number, name: string, at: Path): number {
    if (!Object.hasOwn(entry, name)) {
      this.#fault(at, `\`${name}\` is missing: an entry of \`include\` has a value for every axis`);
      return 0;
    }
    const value = entry[name] ?? null;
    const values = this.#axes[axis]?.values ?? [];
    const known = this.#places[axis]?.get(JSON.stringify(value));
    if (known !== undefined) return known;
    if (!isPlain(value)) this.#fault([...at, name], 'A matrix holds plain values, not references');
    const place = values.push(value) - 1;
    const label = axisLabel({ name, origin: '', values }, place);
    const alike = this.#labels[axis]?.get(label);
    if (alike !== undefined) {
      const message = `\`${written(value)}\` looks like \`${written(alike)}\`, which the axis \`${name}\` has already`;
      this.#fault([...at, name], message);
    }
    this.#places[axis]?.set(JSON.stringify(value), place);
    this.#labels[axis]?.set(label, value);
    return place;
  }

  #checkNames(entry: JsonObject, at: Path): void {
    const names = this.#axes.map(({ name }) => name);
    for (const name of Object.keys(entry)) {
      if (names.includes(name)) continue;
      this.#fault(
        [...at, name],
        `\`${name}\` is not an axis of this matrix; it has ${names.join(', ')}`,
        nearest(name, names),
        true,
      );
    }
  }

  /** What leaves nothing to check further. */
  #fault(at: Path, message: string, suggestion?: string, isKey = false): void {
    this.#sound = false;
    this.#report(at, message, suggestion, isKey);
  }

  #report(at: Path, message: string, suggestion?: string, isKey = false): void {
    const path = [...this.#path, ...at];
    if (isKey) this.#findings.atKey(path, message, suggestion);
    else this.#findings.atValue(path, message, suggestion);
  }
}

function isPlain(value: Json): boolean {
  return !JSON.stringify(value).includes('${{');
}

/** A value as it would be written in a file. */
function written(value: Json): string {
  return typeof value === 'string' && parseScalar(value) === value ? value : JSON.stringify(value);
}
