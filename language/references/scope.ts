import type { ArtifactKind, StepContract, StepRegistry } from '../contract/step.ts';
import type { PipelineDraft, StepDraft } from '../grammar/draft.ts';
import type { ParamDefinition } from '../grammar/params.ts';
import { usesPipeline } from '../grammar/uses.ts';
import { type Grid, type GridAxis, sameAxis } from '../plan/coordinates.ts';
import type { ArtifactParam } from '../plan/plan.ts';
import { nearest } from '../text/nearest.ts';
import { own } from '../text/own.ts';
import type { Frame } from './frame.ts';
import type { UsedPipeline } from './library.ts';
import { type Output, type Outputs, outputsOfContract } from './outputs.ts';
import { nameAt, type ReferenceFault, type ReferenceText } from './reference.ts';

/**
 * What tells the instances of every step apart: the axes of the step it is made for `each` of, then those of its own
 * matrix. Undefined for a step whose axes nobody can know because something else is wrong.
 */
export type AxesOfSteps = Map<string, Grid | undefined>;

/** Everything a reference of one step may name. */
export interface Scope {
  step: StepDraft;
  draft: PipelineDraft;
  /** Without those of the steps around the file, of which a reference knows nothing. */
  axes: AxesOfSteps;
  registry: StepRegistry;
  frame: Frame;
  /** The pipelines that steps of the file use, by the steps' ids. */
  used: ReadonlyMap<string, UsedPipeline>;
}

/** What a reference stands for. `unknown` where something reported elsewhere hides it. */
export type Referent =
  | { is: 'param'; param: string; definition: ParamDefinition }
  | { is: 'matrix'; axis: GridAxis }
  /** In the store already. */
  | { is: 'artifact'; kind: ArtifactKind; many: boolean; source: ArtifactParam }
  /** What a step of `always` may know of the run. */
  | { is: 'run' }
  /** Named in the file, or by a param. */
  | { is: 'secret' }
  | Output;

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
    case 'secrets':
      return { is: 'secret' };
    case 'run':
      if (scope.step.always) return { is: 'run' };
      return {
        fault: { ...nameAt(text, 0), message: `\`${text.written}\` is known to steps of \`always\` alone` },
      };
    case 'steps':
      return lookUpOutput(reference, text, scope, scope.step);
  }
}

function lookUpParam(
  param: string,
  text: ReferenceText,
  { draft }: Scope,
): Referent | { fault: ReferenceFault } {
  if (!draft.params.has(param)) {
    const [first = '', ...rest] = param.split('-');
    const isMinus = rest.length > 0 && draft.params.has(first);
    const hint = isMinus ? `; a minus needs blanks: \`params.${first} - ${rest.join('-')}\`` : '';
    return unknownName(text, 1, `The pipeline has no param \`${param}\`${hint}`, param, draft.params.keys());
  }
  const definition = draft.params.get(param);
  if (definition === undefined) return { is: 'unknown' };
  if (definition.kind !== undefined) {
    return { is: 'artifact', kind: definition.kind, many: false, source: { from: 'params', param } };
  }
  return definition.type === 'secret' ? { is: 'secret' } : { is: 'param', param, definition };
}

function lookUpAxis(name: string, text: ReferenceText, scope: Scope): Referent | { fault: ReferenceFault } {
  const axes = scope.axes.get(scope.step.id)?.axes;
  if (axes === undefined) return { is: 'unknown' };
  const axis = axes.find((candidate) => candidate.name === name);
  if (axis !== undefined) return { is: 'matrix', axis };
  const names = axes.map((candidate) => candidate.name);
  return unknownName(text, 1, `\`${scope.step.id}\` has no axis \`${name}\``, name, names);
}

/** `reader` is the step that refers to the output; undefined where the file as a whole does. */
export function lookUpOutput(
  { step: id, output, gather }: { step: string; output: string; gather: boolean },
  text: ReferenceText,
  scope: Omit<Scope, 'step'>,
  reader: StepDraft | undefined,
): Output | { fault: ReferenceFault } {
  const step = scope.draft.steps.get(id);
  if (step === undefined) {
    return unknownName(text, 1, `There is no step \`${id}\``, id, scope.draft.steps.keys());
  }
  if (step.always && !reader?.always) return { fault: { ...nameAt(text, 1), message: beginsLater(id) } };
  const outputs = outputsOf(step, scope);
  if (outputs === undefined) return { is: 'unknown' };
  const found = own(outputs, output);
  if (found === undefined) {
    const names = Object.keys(outputs);
    const has = names.length === 0 ? 'its pipeline has no `outputs`' : `it has ${names.join(', ')}`;
    const message = `\`${id}\` has no output \`${output}\`; ${has}`;
    return unknownName(text, gather ? 3 : 2, message, output, names);
  }
  if (found.is === 'unknown') return found;
  const fault = gather ? undefined : severalInstances(id, output, text, scope, reader);
  if (fault !== undefined) return { fault };
  const { source } = found;
  return { ...found, many: gather || found.many, source: { ...source, gather: gather || source.gather } };
}

/** Why a step of `steps`, or the file as a whole, cannot have what one of `always` makes. */
export function beginsLater(id: string): string {
  return `\`${id}\` is a step of \`always\`, which begins when all of \`steps\` have ended`;
}

/** With the steps that make them by their ids in the plan. */
function outputsOf(step: StepDraft, { registry, frame, used }: Omit<Scope, 'step'>): Outputs | undefined {
  const id = `${frame.prefix}${step.id}`;
  if (!usesPipeline(step)) {
    const contract = contractOf(step, registry);
    return contract && outputsOfContract(contract, id);
  }
  const outputs = used.get(step.id)?.outputs;
  return outputs && outputsWithin(outputs, id);
}

function outputsWithin(outputs: Outputs, id: string): Outputs {
  const entries = Object.entries(outputs).map(([name, output]): [string, Output] => {
    if (output.is === 'unknown') return [name, output];
    return [name, { ...output, source: { ...output.source, step: `${id}.${output.source.step}` } }];
  });
  return Object.fromEntries(entries);
}

/** A plain reference needs one matching instance: every axis of the other step is also one of the reader. */
function severalInstances(
  id: string,
  output: string,
  text: ReferenceText,
  { axes }: Pick<Scope, 'axes'>,
  reader: StepDraft | undefined,
): ReferenceFault | undefined {
  const mine = reader === undefined ? [] : axes.get(reader.id)?.axes;
  const theirs = axes.get(id)?.axes;
  if (mine === undefined || theirs === undefined) return undefined;
  const foreign = theirs.filter((axis) => !mine.some((own) => sameAxis(own, axis)));
  if (foreign.length === 0) return undefined;
  const names = foreign.map((axis) => `\`${axis.name}\``).join(' and ');
  const other = reader === undefined ? '' : `, or make one \`${reader.id}\` for \`each: ${id}\``;
  const remedy = `gather them with \`steps.${id}.*.${output}\`${other}`;
  return {
    ...nameAt(text, 1),
    message: `\`${id}\` has several instances, one for every ${names}; ${remedy}`,
  };
}

function unknownName(
  text: ReferenceText,
  index: number,
  message: string,
  name: string,
  known: Iterable<string>,
): { fault: ReferenceFault } {
  const suggestion = nearest(name, known);
  const fault = { ...nameAt(text, index), message };
  return { fault: suggestion === undefined ? fault : { ...fault, suggestion } };
}
