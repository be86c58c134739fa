import { z } from 'zod';
import { artifact, withArticle } from '../contract/step.ts';
import { readFields } from '../grammar/fields.ts';
import { useShape } from '../grammar/grammar.ts';
import { type ParamDefinition, paramProblem, valueSchema } from '../grammar/params.ts';
import { pipelineKind, usesPipeline } from '../grammar/uses.ts';
import { type Bound, knownValue } from '../references/bind.ts';
import type { Frame, Given } from '../references/frame.ts';
import type { Library, Trail, UsedPipeline } from '../references/library.ts';
import type { Scope } from '../references/scope.ts';
import type { Findings } from '../text/findings.ts';
import type { JsonObject } from '../text/json.ts';
import { nearest } from '../text/nearest.ts';
import { own } from '../text/own.ts';
import type { Path } from '../text/places.ts';
import type { ParamProblem, Problem } from '../text/problems.ts';
import { checkInput } from './inputs.ts';
import { namedNeeds, needsOf } from './needs.ts';
import { checkOperations } from './operations.ts';
import { giveSecrets } from './secrets.ts';
import { bindAll, type CheckedStep, gridInPlan } from './steps.ts';
import { checkParams, givenParam, type KnownParams } from './values.ts';
import { checkWhen } from './when.ts';

/** The pipelines that the steps of a file use, by the steps' ids; what stands for none is reported here. */
export function findUsed(
  { draft }: Pick<Scope, 'draft'>,
  library: Library,
  trail: Trail,
  findings: Findings,
): Map<string, UsedPipeline> {
  const found = new Map<string, UsedPipeline>();
  for (const step of draft.steps.values()) {
    const name = usesPipeline(step) ? step.with?.pipeline : undefined;
    if (typeof name !== 'string') continue;
    const used = library.use(name, trail);
    if (used === undefined) continue;
    if ('fault' in used) findings.atValue(['steps', step.id, 'with', 'pipeline'], used.fault);
    else found.set(step.id, used);
  }
  return found;
}

/** Checks the steps of a used pipeline, as they are within the step that uses it. */
export type CheckWithin = (used: UsedPipeline, known: KnownParams, frame: Frame) => Within;

interface Within {
  steps: CheckedStep[];
  problems: Problem[];
  paramProblems: ParamProblem[];
}

/** Checks a step that uses a pipeline; gives the steps of that pipeline, in the order of their needs. */
export function checkSubPipeline(
  scope: Scope,
  known: KnownParams,
  findings: Findings,
  paramProblems: ParamProblem[],
  checkWithin: CheckWithin,
): { needs: Set<string>; checked: CheckedStep[] } {
  const { step, frame } = scope;
  const before = findings.count;
  const path = ['steps', step.id, 'with'];
  const params = paramsOf(scope, findings);
  const bound = bindAll(params ?? {}, [...path, 'params'], scope, findings);
  const when = checkWhen(scope, known, findings);
  const values = [...Object.values(bound), ...when.map((each) => each.bound)];
  const needs = needsOf(scope, values, findings);
  const used = scope.used.get(step.id);
  if (used === undefined || params === undefined) return { needs, checked: [] };

  const grid = gridInPlan(scope);
  const earlier = paramProblems.length;
  checkOperations(values, grid, known, findings, paramProblems);
  checkNames(used, bound, findings, step.id);
  checkAxes(used, scope, findings);
  const contract = { name: used.name, params: z.strictObject(shapeOf(used.params)) };
  const ofParams = Object.entries(bound).filter(([name]) => Object.hasOwn(used.params, name));
  const place = { path: [...path, 'params'], values: known.values };
  const both = giveSecrets(used, Object.fromEntries(ofParams), place, findings);
  const { artifacts, wanted } = takeArtifacts(used, both, path, findings);
  const asked = { contract, bound: wanted, path: [...path, 'params'], grid };
  const filled = checkParams(asked, known, findings, paramProblems);
  if (filled === undefined || findings.count > before || paramProblems.length > earlier)
    return { needs, checked: [] };

  const { values: within, given: open } = divide(wanted, filled, known);
  const given = { ...open, ...givenAs(artifacts, known) };
  const inner: Frame = {
    prefix: `${frame.prefix}${step.id}.`,
    grid,
    needs: [...frame.needs, ...namedNeeds(scope)],
    whens: [...frame.whens, ...when],
    given,
  };
  const found = checkWithin(used, { values: within, given: new Set(Object.keys(wanted)) }, inner);
  relay(found, { scope, used, bound: wanted, given, known, findings, paramProblems });
  return { needs, checked: found.steps };
}

/** What a step gives the pipeline; undefined where that cannot be read. */
function paramsOf({ step }: Scope, findings: Findings): JsonObject | undefined {
  if (step.with === undefined) return undefined;
  const path = ['steps', step.id, 'with'];
  return readFields(useShape, step.with, path, `\`with\` of \`${pipelineKind}\``, findings).params;
}

function checkNames(
  { name, params }: UsedPipeline,
  bound: Record<string, Bound>,
  findings: Findings,
  step: string,
): void {
  for (const param of Object.keys(bound)) {
    if (Object.hasOwn(params, param)) continue;
    const message = `\`${param}\` is not a param of \`${name}\``;
    findings.atKey(['steps', step, 'with', 'params', param], message, nearest(param, Object.keys(params)));
  }
}

/** An instance within has the axes of both, and its id names them. */
function checkAxes({ name, axes: within }: UsedPipeline, scope: Scope, findings: Findings): void {
  const { step } = scope;
  for (const axis of scope.axes.get(step.id)?.axes ?? []) {
    const inner = within.get(axis.name);
    if (inner === undefined) continue;
    const path = ['steps', step.id, ...(axis.origin === step.id ? ['matrix', axis.name] : ['each'])];
    const message = `\`${name}\` has an axis \`${axis.name}\` itself, of its step \`${inner}\`; this one needs another name`;
    findings.atKey(path, message);
  }
}

/** Artifacts for a pipeline come from around it: keys in the store are for the params of a run. */
function takeArtifacts(
  { name: uses, params }: UsedPipeline,
  bound: Record<string, Bound>,
  path: Path,
  findings: Findings,
): { artifacts: Record<string, Bound>; wanted: Record<string, Bound> } {
  const entries = Object.entries(bound);
  const isArtifact = ([name]: [string, unknown]) => params[name]?.kind !== undefined;
  for (const [name, { kind }] of Object.entries(params)) {
    if (kind === undefined) continue;
    const value = own(bound, name);
    const input = { name, uses, port: artifact(kind), path: [...path, 'params', name] };
    if (value !== undefined) checkInput(input, value, findings);
    else findings.atKey(path, `The param \`${name}\` of \`${uses}\` is missing: ${withArticle(kind)}`);
  }
  return {
    artifacts: Object.fromEntries(entries.filter(isArtifact)),
    wanted: Object.fromEntries(entries.filter((entry) => !isArtifact(entry))),
  };
}

function givenAs(bound: Record<string, Bound>, { values }: KnownParams): Record<string, Given> {
  const entries = Object.entries(bound).map(
    ([name, value]) => [name, { bound: value, params: values }] as const,
  );
  return Object.fromEntries(entries);
}

function shapeOf(params: Record<string, ParamDefinition>): Record<string, z.ZodType> {
  const values = Object.entries(params).filter(([, { kind }]) => kind === undefined);
  const entries = values.map(([name, definition]): [string, z.ZodType] => {
    const schema = valueSchema(definition);
    return [name, definition.default === undefined ? schema : schema.default(definition.default)];
  });
  return Object.fromEntries(entries);
}

/** The params that have one value, and those that only the run knows or that differ by axis. */
function divide(
  bound: Record<string, Bound>,
  filled: JsonObject,
  known: KnownParams,
): { values: JsonObject; given: Record<string, Given> } {
  const open = Object.entries(bound).filter(([, value]) => knownValue(value, known.values, {}) === undefined);
  const given = givenAs(Object.fromEntries(open), known);
  const values = Object.entries(filled).filter(([name]) => !Object.hasOwn(given, name));
  return { values: Object.fromEntries(values), given };
}

interface Use {
  scope: Scope;
  used: UsedPipeline;
  bound: Record<string, Bound>;
  given: Record<string, Given>;
  known: KnownParams;
  findings: Findings;
  paramProblems: ParamProblem[];
}

/** Tells what is wrong within where it was given: by itself the pipeline is right. */
function relay({ problems, paramProblems: within }: Within, use: Use): void {
  const { scope, used, bound, given, known, findings, paramProblems } = use;
  const path = ['steps', scope.step.id, 'with', 'params'];
  for (const { param, message, suggestion } of within) {
    const from = givenParam(own(bound, param), known);
    const told = `In \`${used.name}\`, ${message}`;
    if (from !== undefined) paramProblems.push(paramProblem(from, `\`${from}\`: ${told}`, suggestion));
    else findings.atValue([...path, param], told, suggestion);
  }
  for (const { in: name = used.name, line, column, message } of problems) {
    const [only, ...others] = Object.keys(given);
    const at = only === undefined || others.length > 0 ? path : [...path, only];
    findings.atValue(at, `\`${used.name}\` does not take this: ${name}:${line}:${column}: ${message}`);
  }
}
