import { z } from 'zod';
import { plural, type StepContract, withArticle } from '../contract/step.ts';
import { type Complaint, checkValue } from '../grammar/complaints.ts';
import { subjectOf } from '../grammar/fields.ts';
import { paramProblem } from '../grammar/params.ts';
import { type Coordinates, combinations, type Grid } from '../plan/coordinates.ts';
import type { Axis } from '../plan/plan.ts';
import { type Bound, dependsOnAxis, knownValue, partOf, referencesIn } from '../references/bind.ts';
import { accepts, typeOf } from '../references/types.ts';
import type { Findings } from '../text/findings.ts';
import type { JsonObject } from '../text/json.ts';
import { own } from '../text/own.ts';
import type { Path } from '../text/places.ts';
import type { ParamProblem } from '../text/problems.ts';
import { pathOfValue } from './matrix.ts';

/** What is known of the params of the run while a pipeline is checked. */
export interface KnownParams {
  /** Without those that have no default and were not given. */
  values: JsonObject;
  /** Names of those that the run was given: a value of theirs that does not fit is no fault of the file. */
  given: ReadonlySet<string>;
}

/** The `with` of a step, less its inputs; or what a step gives the pipeline that it uses. */
export interface StepParams {
  contract: Pick<StepContract, 'name' | 'params' | 'faultOfProcesses'>;
  bound: Record<string, Bound>;
  /** Where they stand. */
  path: Path;
  grid: Grid;
  /** Of its `resources`. */
  processesPerNode?: number | undefined;
}

/**
 * Checks the params of a step against its contract, for every combination of the axes that they use.
 * Returns them with the defaults filled in; params that are known only in the run are left out.
 */
export function checkParams(
  step: StepParams,
  known: KnownParams,
  findings: Findings,
  paramProblems: ParamProblem[],
): JsonObject | undefined {
  checkTypes(step, known, findings);
  const used = step.grid.axes.filter((axis) => uses(step.bound, axis));
  const places = combinations(step.grid, used);
  const open = new Set(Object.keys(step.bound).filter((name) => isOpen(step.bound[name], places, known)));
  const schema = open.size === 0 ? step.contract.params : without(step.contract.params, open);
  let missing: Set<string> | undefined;
  let filled: JsonObject | undefined;
  for (const at of places) {
    const checked = checkValue(schema, valuesOf(step.bound, open, known, at));
    if ('value' in checked) {
      filled ??= checked.value as JsonObject;
      if (open.size === 0) checkProcesses(step, checked.value, findings);
    } else {
      missing ??= reportMissing(step, findings);
      for (const complaint of checked.complaints) {
        if (complaint.path.length === 1 && missing.has(String(complaint.path[0]))) continue;
        report(complaint, { step, known, at, findings, paramProblems });
      }
    }
  }
  return filled;
}

/** What the params of a step say of the number of its processes, which is no param. */
function checkProcesses(
  { contract, processesPerNode, path }: StepParams,
  params: Record<string, unknown>,
  findings: Findings,
): void {
  const fault = processesPerNode && contract.faultOfProcesses?.(processesPerNode, params);
  if (!fault) return;
  findings.atValue(
    [...path.slice(0, -1), 'resources', 'processesPerNode'],
    `\`processesPerNode\` of \`${contract.name}\` ${fault}`,
  );
}

function valuesOf(
  bound: Record<string, Bound>,
  open: ReadonlySet<string>,
  known: KnownParams,
  at: Coordinates,
): JsonObject {
  const entries = Object.entries(bound).filter(([name]) => !open.has(name));
  return Object.fromEntries(
    entries.map(([name, value]) => [name, knownValue(value, known.values, at) ?? null]),
  );
}

function isOpen(bound: Bound | undefined, places: readonly Coordinates[], known: KnownParams): boolean {
  if (bound === undefined) return true;
  return places.some((at) => knownValue(bound, known.values, at) === undefined);
}

function uses(bound: Record<string, Bound>, axis: Axis): boolean {
  return Object.values(bound).some((value) => dependsOnAxis(value, axis));
}

function without(schema: z.ZodObject, names: ReadonlySet<string>): z.ZodObject {
  return z.strictObject(
    Object.fromEntries(Object.entries(schema.shape).filter(([name]) => !names.has(name))),
  );
}

function reportMissing({ contract, bound, path }: StepParams, findings: Findings): Set<string> {
  const missing = Object.entries(contract.params.shape)
    .filter(([name, schema]) => !Object.hasOwn(bound, name) && !schema.safeParse(undefined).success)
    .map(([name]) => name);
  for (const name of missing)
    findings.atKey(path, `The param \`${name}\` of \`${contract.name}\` is missing`);
  return new Set(missing);
}

interface Blame {
  step: StepParams;
  known: KnownParams;
  at: Coordinates;
  findings: Findings;
  paramProblems: ParamProblem[];
}

/** Reports a wrong value where it was written: in the file, in a matrix, or in the params of the run. */
function report({ path, says, suggestion, key }: Complaint, blame: Blame): void {
  const { step, known, at, findings, paramProblems } = blame;
  const uses = `\`${step.contract.name}\``;
  const message = path.length === 0 ? `${uses} ${says}` : `\`${subjectOf(path)}\` of ${uses} ${says}`;
  const { bound, rest } = innermost({ map: step.bound }, path);
  const referent = bound !== undefined && 'ref' in bound ? bound.referent : undefined;
  const axis = referent?.is === 'matrix' ? referent.axis : undefined;
  const place = axis && pathOfValue(step.grid, axis, axis.values.indexOf(own(at, axis.name) ?? null));
  const isIncluded = place?.[3] === 'include';
  const given = isIncluded ? undefined : givenParam(bound, known);
  if (given !== undefined) {
    paramProblems.push(paramProblem(given, `\`${given}\`: ${message}`, suggestion));
  } else if (axis !== undefined && place !== undefined) {
    const isParam = axis.param !== undefined && !isIncluded;
    const byDefault = isParam
      ? `; \`${axis.param}\` has ${JSON.stringify(own(at, axis.name))} by default`
      : '';
    findings.atValue([...place, ...rest], `${message}${byDefault}`, suggestion);
  } else if (referent?.is === 'param') {
    const value = JSON.stringify(own(known.values, referent.param));
    const written = [...step.path, ...path.slice(0, path.length - rest.length)];
    findings.atValue(written, `${message}; \`${referent.param}\` is ${value} by default`);
  } else if (key) {
    findings.atKey([...step.path, ...path], message, suggestion);
  } else {
    findings.atValue([...step.path, ...path], message, suggestion);
  }
}

/** The param of the run that a value was made of, if there is one. */
export function givenParam(bound: Bound | undefined, known: Pick<KnownParams, 'given'>): string | undefined {
  const references = bound === undefined ? [] : referencesIn(bound);
  return references
    .flatMap(({ referent }) => {
      if (referent.is === 'matrix') return referent.axis.param ?? [];
      return referent.is === 'param' ? [referent.param] : [];
    })
    .find((param) => known.given.has(param));
}

/** Follows a path into a value as far as its lists and maps are written out. */
function innermost(bound: Bound, path: Path): { bound: Bound | undefined; rest: Path } {
  let at: Bound | undefined = bound;
  for (const [depth, part] of path.entries()) {
    if (at === undefined || !('map' in at || 'list' in at)) return { bound: at, rest: path.slice(depth) };
    at = 'map' in at ? own(at.map, String(part)) : at.list[Number(part)];
  }
  return { bound: at, rest: [] };
}

/** Checks what is known only by its type: outputs of other steps, and params that a run must give. */
function checkTypes(
  { contract, bound, path, grid }: StepParams,
  known: KnownParams,
  findings: Findings,
): void {
  for (const [name, value] of Object.entries(bound)) {
    const target = `\`${name}\` of \`${contract.name}\``;
    for (const { referent, ref, path: at } of referencesIn(value)) {
      if (referent.is !== 'artifact') continue;
      const thing = referent.many ? `a list of ${plural(referent.kind)}` : withArticle(referent.kind);
      findings.inText(at, partOf(ref), `\`${ref.written}\` is ${thing}, but ${target} takes a value`);
    }
    const schema = own(contract.params.shape, name);
    const type = isValueKnown(value, grid, known) ? undefined : typeOf(value);
    if (schema === undefined || type === undefined || accepts(schema, type.types)) continue;
    const subject = 'ref' in value ? `\`${value.ref.written}\`` : 'This';
    const written = 'ref' in value ? value.ref.written : '…';
    const hint = schema.safeParse('a text').success
      ? `; with text around it, it does: "a text \${{ ${written} }}"`
      : '';
    const message = `${subject} is ${type.word}, which ${target} does not take${hint}`;
    if ('ref' in value) findings.inText(value.path, partOf(value.ref), message);
    else if ('op' in value) findings.inText(value.path, value.part, message);
    else findings.atValue([...path, name], message);
  }
}

/** Whether the value itself is checked; of a param that is given what differs by axis, each value is. */
function isValueKnown(value: Bound, grid: Grid, known: KnownParams): boolean {
  if (!referencesIn(value).some(({ given }) => given))
    return knownValue(value, known.values, {}) !== undefined;
  const used = grid.axes.filter((axis) => dependsOnAxis(value, axis));
  return !isOpen(value, combinations(grid, used), known);
}
