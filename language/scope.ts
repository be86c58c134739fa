import type { AxesOfSteps } from './axes.ts';
import { sameAxis } from './coordinates.ts';
import type { PipelineDraft, StepDraft } from './draft.ts';
import { nearest } from './nearest.ts';
import { own } from './own.ts';
import type { ParamDefinition } from './params.ts';
import type { Axis } from './plan.ts';
import type { ReferenceFault, ReferenceText } from './reference.ts';
import type { ArtifactKind, StepContract, StepRegistry } from './step.ts';

/** Everything a reference of one step may name. */
export interface Scope {
  step: StepDraft;
  draft: PipelineDraft;
  axes: AxesOfSteps;
  registry: StepRegistry;
}

/** What a reference stands for. `unknown` where something reported elsewhere hides it. */
export type Referent =
  | { is: 'param'; param: string; definition: ParamDefinition }
  | { is: 'matrix'; axis: Axis }
  | { is: 'artifact'; kind: ArtifactKind; many: boolean }
  | { is: 'metric'; many: boolean }
  | { is: 'unknown' };

export function contractOf(step: StepDraft, registry: StepRegistry): StepContract | undefined {
  return step.uses === undefined ? undefined : own(registry, step.uses);
}

export function lookUp(text: ReferenceText, scope: Scope): Referent | { fault: ReferenceFault } {
  const { reference } = text;
  switch (reference.from) {
    case 'params':
      return lookUpParam(reference.param, text, scope);
    case 'matrix':
      return lookUpAxis(reference.axis, text, scope);
    case 'steps':
      return lookUpOutput(reference, text, scope);
  }
}

function lookUpParam(
  param: string,
  text: ReferenceText,
  { draft }: Scope,
): Referent | { fault: ReferenceFault } {
  if (!draft.params.has(param)) {
    return unknownName(text, 1, `The pipeline has no param \`${param}\``, param, draft.params.keys());
  }
  const definition = draft.params.get(param);
  return definition === undefined ? { is: 'unknown' } : { is: 'param', param, definition };
}

function lookUpAxis(name: string, text: ReferenceText, scope: Scope): Referent | { fault: ReferenceFault } {
  const axes = scope.axes.get(scope.step.id)?.axes;
  if (axes === undefined) return { is: 'unknown' };
  const axis = axes.find((candidate) => candidate.name === name);
  if (axis !== undefined) return { is: 'matrix', axis };
  const names = axes.map((candidate) => candidate.name);
  return unknownName(text, 1, `\`${scope.step.id}\` has no axis \`${name}\``, name, names);
}

function lookUpOutput(
  { step: id, output, gather }: { step: string; output: string; gather: boolean },
  text: ReferenceText,
  scope: Scope,
): Referent | { fault: ReferenceFault } {
  const step = scope.draft.steps.get(id);
  if (step === undefined) {
    return unknownName(text, 1, `There is no step \`${id}\``, id, scope.draft.steps.keys());
  }
  const contract = contractOf(step, scope.registry);
  if (contract === undefined) return { is: 'unknown' };
  const port = own(contract.outputs, output);
  if (port === undefined) {
    const message = `\`${id}\` has no output \`${output}\`; it has ${Object.keys(contract.outputs).join(', ')}`;
    return unknownName(text, gather ? 3 : 2, message, output, Object.keys(contract.outputs));
  }
  const fault = gather ? undefined : severalInstances(id, output, text, scope);
  if (fault !== undefined) return { fault };
  return port.port === 'metric'
    ? { is: 'metric', many: gather }
    : { is: 'artifact', kind: port.artifact, many: gather };
}

/** A plain reference needs one matching instance: every axis of the other step is also one of mine. */
function severalInstances(
  id: string,
  output: string,
  text: ReferenceText,
  { step, axes }: Scope,
): ReferenceFault | undefined {
  const mine = axes.get(step.id)?.axes;
  const theirs = axes.get(id)?.axes;
  if (mine === undefined || theirs === undefined) return undefined;
  const foreign = theirs.filter((axis) => !mine.some((own) => sameAxis(own, axis)));
  if (foreign.length === 0) return undefined;
  const names = foreign.map((axis) => `\`${axis.name}\``).join(' and ');
  const remedy = `gather them with \`steps.${id}.*.${output}\`, or make one \`${step.id}\` for \`each: ${id}\``;
  return { ...text.nameAt(1), message: `\`${id}\` has several instances, one for every ${names}; ${remedy}` };
}

function unknownName(
  text: ReferenceText,
  index: number,
  message: string,
  name: string,
  known: Iterable<string>,
): { fault: ReferenceFault } {
  const suggestion = nearest(name, known);
  const fault = { ...text.nameAt(index), message };
  return { fault: suggestion === undefined ? fault : { ...fault, suggestion } };
}
