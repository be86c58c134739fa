import type { StepContract, StepRegistry } from '../contract/step.ts';
import type { StepDraft } from '../grammar/draft.ts';
import { pipelineKind } from '../grammar/uses.ts';
import { countOf, type Grid } from '../plan/coordinates.ts';
import { isLarge, largestWhole } from '../plan/fanOut.ts';
import { type Bound, bind } from '../references/bind.ts';
import type { When } from '../references/frame.ts';
import { contractOf, type Scope } from '../references/scope.ts';
import type { Findings } from '../text/findings.ts';
import type { JsonObject } from '../text/json.ts';
import { nearest } from '../text/nearest.ts';
import { own } from '../text/own.ts';
import type { Path } from '../text/places.ts';
import type { ParamProblem } from '../text/problems.ts';
import { checkInput } from './inputs.ts';
import { needsOf, type PlanNeeds, planNeeds } from './needs.ts';
import { checkOperations } from './operations.ts';
import { checkSecrets } from './secrets.ts';
import { checkParams, type KnownParams } from './values.ts';
import { checkWhen } from './when.ts';

/** A step as the plan has it: with what the steps around it say, if its pipeline is used by another one. */
export interface CheckedStep extends PlanNeeds {
  id: string;
  draft: StepDraft;
  contract: StepContract;
  /** With what the steps around it have. */
  grid: Grid;
  /** The `with` as written. */
  with: Record<string, Bound>;
  /** All must be true; the outermost first. */
  whens: readonly When[];
  /** Values of the params of its file. */
  params: JsonObject;
  /** The params that do not wait for other steps, with the contract's defaults, at the first instance. */
  filled: JsonObject;
}

/** Checks one step. What it needs is known even when the step itself is wrong. */
export function checkStep(
  scope: Scope,
  known: KnownParams,
  findings: Findings,
  paramProblems: ParamProblem[],
): { needs: Set<string>; checked: CheckedStep | undefined } {
  const { step, registry, frame } = scope;
  const path = ['steps', step.id, 'with'];
  const bound = bindAll(step.with ?? {}, path, scope, findings);
  const when = checkWhen(scope, known, findings);
  const values = [...Object.values(bound), ...when.map((each) => each.bound)];
  const needs = needsOf(scope, values, findings);
  const grid = gridInPlan(scope);
  checkOperations(values, grid, known, findings, paramProblems);
  const contract = contractOf(step, registry);
  if (contract === undefined) reportUses(step, registry, findings);
  else checkProcesses(step, contract, registry, findings);
  checkConcurrency(scope, findings);
  checkMinSuccess(scope, findings);
  checkAsking(step, grid, findings);
  if (contract === undefined || step.with === undefined) return { needs, checked: undefined };

  const params = checkKeys(contract, bound, path, findings);
  checkSecrets(contract, params, findings);
  const filled =
    checkParams(
      { contract, bound: params, path, grid, processesPerNode: step.processesPerNode },
      known,
      findings,
      paramProblems,
    ) ?? {};
  const checked: CheckedStep = {
    id: `${frame.prefix}${step.id}`,
    draft: step,
    contract,
    ...planNeeds(scope, [...frame.whens.map((each) => each.bound), ...values]),
    grid,
    with: bound,
    whens: [...frame.whens, ...when],
    params: known.values,
    filled,
  };
  return { needs, checked };
}

export function bindAll(
  values: JsonObject,
  path: Path,
  scope: Scope,
  findings: Findings,
): Record<string, Bound> {
  const entries = Object.entries(values);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, bind(value, [...path, key], scope, findings)]),
  );
}

/** The axes of a step, after those of the steps around it. */
export function gridInPlan({ step, axes, frame: { prefix, grid: around } }: Scope): Grid {
  const own = axes.get(step.id);
  if (prefix === '') return own ?? { axes: [] };
  const inPlan = <T extends { origin: string }>(each: T): T => ({
    ...each,
    origin: `${prefix}${each.origin}`,
  });
  return {
    axes: [...around.axes, ...(own?.axes ?? []).map(inPlan)],
    matrices: [...(around.matrices ?? []), ...(own?.matrices ?? []).map(inPlan)],
  };
}

/** Checks the inputs of a step and the names of its params; returns the params. */
function checkKeys(
  contract: StepContract,
  bound: Record<string, Bound>,
  path: Path,
  findings: Findings,
): Record<string, Bound> {
  const { name: uses, inputs } = contract;
  const { shape } = contract.params;
  const params: Record<string, Bound> = {};
  for (const [name, value] of Object.entries(bound)) {
    const at = [...path, name];
    const port = own(inputs, name);
    if (port !== undefined) checkInput({ name, uses, port, path: at }, value, findings);
    else if (Object.hasOwn(shape, name)) params[name] = value;
    else {
      const known = [...Object.keys(inputs), ...Object.keys(shape)];
      findings.atKey(at, `\`${name}\` is not a param of \`${uses}\``, nearest(name, known));
    }
  }
  for (const [name, port] of Object.entries(inputs)) {
    if (port.optional || Object.hasOwn(bound, name)) continue;
    findings.atKey(path, `The input \`${name}\` of \`${uses}\` is missing`);
  }
  return params;
}

function reportUses({ id, uses }: StepDraft, registry: StepRegistry, findings: Findings): void {
  if (uses === undefined) return;
  const kinds = [...Object.keys(registry), pipelineKind];
  const message = `\`${uses}\` is not a step kind; there are ${kinds.join(', ')}`;
  findings.atValue(['steps', id, 'uses'], message, nearest(uses, kinds));
}

function checkProcesses(
  { id, processesPerNode }: StepDraft,
  contract: StepContract,
  registry: StepRegistry,
  findings: Findings,
): void {
  if (processesPerNode === undefined || contract.processes) return;
  const able = Object.values(registry).flatMap(({ name, processes }) => (processes ? [`\`${name}\``] : []));
  const message = `\`${contract.name}\` runs in one process; \`processesPerNode\` is for ${able.join(', ')}`;
  findings.atKey(['steps', id, 'resources', 'processesPerNode'], message);
}

/** Nobody answers for each of so many instances, and they are spread over workflows that nobody asks. */
function checkAsking({ id, approve, onFailure }: StepDraft, grid: Grid, findings: Findings): void {
  const asking = [
    ...(approve === undefined ? [] : [{ key: 'approve', what: '`approve`' }]),
    ...(onFailure === 'hold' ? [{ key: 'onFailure', what: '`onFailure: hold`' }] : []),
  ];
  if (asking.length === 0 || !isLarge(grid)) return;
  for (const { key, what } of asking) {
    const message = `${what} is for steps with at most ${largestWhole} instances, since a person answers for each; \`${id}\` has ${countOf(grid)}`;
    findings.atKey(['steps', id, key], message);
  }
}

function checkConcurrency({ step, axes }: Scope, findings: Findings): void {
  const { id, concurrency } = step;
  const grid = axes.get(id);
  if (concurrency === undefined || grid === undefined) return;
  const path = ['steps', id, 'concurrency'];
  if (grid.axes.length > 0) return;
  const message = `\`concurrency\` is for a step with a \`matrix\` or \`each\`; \`${id}\` has one instance`;
  findings.atKey(path, message);
}

function checkMinSuccess({ step, axes }: Scope, findings: Findings): void {
  const { id, minSuccess, onFailure } = step;
  if (minSuccess === undefined) return;
  const path = ['steps', id, 'minSuccess'];
  if (axes.get(id)?.axes.length === 0) {
    findings.atKey(
      path,
      `\`minSuccess\` is for a step with a \`matrix\` or \`each\`; \`${id}\` has one instance`,
    );
  }
  if (onFailure === 'continue') {
    findings.atKey(
      path,
      '`onFailure: continue` goes on without any number of instances; give one of the two',
    );
  }
}
