import { type Bound, bind, referencesIn } from './bind.ts';
import type { Grid } from './coordinates.ts';
import type { StepDraft } from './draft.ts';
import type { Findings } from './findings.ts';
import { checkInput } from './inputs.ts';
import type { JsonObject } from './json.ts';
import { nearest } from './nearest.ts';
import { checkOperations } from './operations.ts';
import { own } from './own.ts';
import type { Path } from './places.ts';
import type { ParamProblem } from './problems.ts';
import { contractOf, type Scope } from './scope.ts';
import type { StepContract, StepRegistry } from './step.ts';
import { checkParams, type KnownParams } from './values.ts';
import { checkWhen } from './when.ts';

export interface CheckedStep {
  draft: StepDraft;
  contract: StepContract;
  needs: string[];
  /** Of `needs`, the steps that are gathered and nothing else. */
  gathers: string[];
  grid: Grid;
  /** The `with` as written. */
  with: Record<string, Bound>;
  when: Bound | undefined;
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
  const { step, registry } = scope;
  const path = ['steps', step.id, 'with'];
  const entries = Object.entries(step.with ?? {});
  const bound = Object.fromEntries(
    entries.map(([key, value]) => [key, bind(value, [...path, key], scope, findings)]),
  );
  const when = checkWhen(scope, findings);
  const values = [...Object.values(bound), ...(when === undefined ? [] : [when])];
  const needs = needsOf(scope, values, findings);
  const grid = scope.axes.get(step.id) ?? { axes: [] };
  checkOperations(values, grid, known, findings, paramProblems);
  const contract = contractOf(step, registry);
  if (contract === undefined) reportUses(step, registry, findings);
  else checkProcesses(step, contract, registry, findings);
  checkMinSuccess(scope, findings);
  if (contract === undefined || step.with === undefined) return { needs, checked: undefined };

  const params = checkKeys(contract, bound, path, findings);
  const filled = checkParams({ contract, bound: params, path, grid }, known, findings, paramProblems) ?? {};
  const gathers = gathersOf(scope, values, needs);
  return {
    needs,
    checked: { draft: step, contract, needs: [...needs], gathers, grid, with: bound, when, filled },
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
  const kinds = Object.keys(registry);
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

/** The steps that must be done first, in the order of the file; unknown names are reported here. */
function needsOf({ step, draft }: Scope, values: readonly Bound[], findings: Findings): Set<string> {
  const path = ['steps', step.id];
  const needs = new Set<string>();
  const name = (id: string, at: Path): void => {
    if (draft.steps.has(id)) needs.add(id);
    else findings.atValue(at, `There is no step \`${id}\``, nearest(id, draft.steps.keys()));
  };
  step.needs.forEach((id, index) => {
    name(id, [...path, 'needs', index]);
  });
  if (step.each !== undefined) name(step.each, [...path, 'each']);
  for (const { ref } of values.flatMap(referencesIn)) {
    if (ref.reference.from === 'steps') needs.add(ref.reference.step);
  }
  return new Set([...draft.steps.keys()].filter((id) => needs.has(id)));
}

/** The needed steps of which the instances that are done will do: nothing asks for all of them. */
function gathersOf({ step }: Scope, values: readonly Bound[], needs: Set<string>): string[] {
  const whole = new Set([...step.needs, step.each]);
  for (const { ref } of values.flatMap(referencesIn)) {
    if (ref.reference.from === 'steps' && !ref.reference.gather) whole.add(ref.reference.step);
  }
  return [...needs].filter((id) => !whole.has(id));
}
