/** Runs inside the workflow: imports nothing but types and pure functions. */
import type { ArtifactRef } from '../../artifacts/manifest.ts';
import type { Json, JsonObject } from '../text/json.ts';
import { own } from '../text/own.ts';
import {
  axisLabel,
  byOrigin,
  type Coordinates,
  coordinatesOf,
  type Row,
  rowsOf,
  sameAxis,
} from './coordinates.ts';
import { ExpressionError, evaluate } from './evaluate.ts';
import { stepOf, stepsNamed } from './names.ts';
import type { OutcomesRef } from './outcomes.ts';
import type { Axis, Plan, PlanStep, Reference, RunFact, Template } from './plan.ts';
import { type SlicedOutputs, slicedRef } from './slicedRefs.ts';

/**
 * One of the copies of a step that a matrix makes; a step without axes has exactly one. One that is run by slices
 * stands for all of its copies.
 */
export interface Instance {
  /** `train`, or `train[head=dcp,fold=2]`. Unique within the plan. */
  id: string;
  step: PlanStep;
  coordinates: Coordinates;
  /** The same by places among the values of the step's axes. */
  row: Row;
}

/** What a finished instance has made. */
export interface StepOutputs {
  artifact: ArtifactRef;
  metrics: Record<string, number>;
}

export interface ResolvedWith {
  params: JsonObject;
  inputs: Record<string, ArtifactRef | GatheredRef[]>;
}

/** An artifact of a list, or the artifacts of all instances of a step that is run by slices. */
export type GatheredRef = ArtifactRef | OutcomesRef;

/** The instances that are part of a run, in topological order. */
export function instancesOfRun(plan: Plan): Instance[] {
  const all = plan.steps.flatMap((step) => instancesOf(plan, step.id));
  const only = plan.only === undefined ? undefined : new Set(plan.only);
  return only === undefined ? all : all.filter(({ id }) => only.has(id));
}

/** All instances of a step, the last axis changing fastest. */
export function instancesOf(plan: Plan, stepId: string): Instance[] {
  return instancesAt(stepOf(plan, stepId));
}

/** Instances of one step, or of all steps of a sub-pipeline, that another instance waits for. */
export interface Need {
  step: string;
  ids: string[];
  /** They are gathered: those that are done will do, if there is one. */
  gathered: boolean;
  /** They are all instances of the step or the sub-pipeline. */
  whole: boolean;
}

/** The instances that must have ended before this one, step by step. */
export function needsOf(plan: Plan, instance: Instance): Need[] {
  const { needs, gathers = [], wholes = [] } = instance.step;
  const need = (name: string, steps: PlanStep[], gathered: boolean): Need => ({
    step: name,
    ids: steps.flatMap((step) => agreeingInstances(plan, instance, step.id)).map(({ id }) => id),
    gathered,
    whole: steps.every((step) => sharedAxes(instance.step, step).length === 0),
  });
  return [
    ...needs.map((id) => need(id, [stepOf(plan, id)], gathers.includes(id))),
    ...wholes.map((id) => need(id, stepsNamed(plan, id), true)),
  ];
}

/** What the steps of `always` are told of the run. */
export type FactOf = (fact: RunFact) => string;

/**
 * The `with` of an instance with nothing left open, and what a person has changed in it; `outputsOf` is asked for ids
 * of `needsOf` alone, and gives nothing for an instance that a gather has to do without.
 */
export function resolveWith(
  plan: Plan,
  instance: Instance,
  outputsOf: (instanceId: string) => StepOutputs | undefined,
  sliced?: SlicedOutputs,
  factOf?: FactOf,
): ResolvedWith {
  const resolver = new Resolver(plan, instance, outputsOf, sliced, factOf);
  const { step, id } = instance;
  const resolved: ResolvedWith = { params: { ...plan.with?.[id] }, inputs: {} };
  for (const [key, template] of Object.entries(step.with)) {
    if (Object.hasOwn(resolved.params, key)) continue;
    const value = valueAt(key, id, () => resolver.resolve(template));
    // The checker has seen to it that inputs get artifacts and params get JSON.
    if (step.inputs.includes(key)) resolved.inputs[key] = value as ArtifactRef | GatheredRef[];
    else resolved.params[key] = value as Json;
  }
  return resolved;
}

/** The params of an instance that have a value, whatever becomes of the others. */
export function paramsWithValue(
  plan: Plan,
  instance: Instance,
  outputsOf: (instanceId: string) => StepOutputs | undefined,
  sliced?: SlicedOutputs,
): JsonObject {
  const { step, id } = instance;
  const params: JsonObject = {};
  for (const [key, template] of Object.entries(step.with)) {
    if (step.inputs.includes(key)) continue;
    const alone = { ...instance, step: { ...step, with: { [key]: template } } };
    try {
      Object.assign(params, resolveWith(plan, alone, outputsOf, sliced).params);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
    }
  }
  return { ...params, ...plan.with?.[id] };
}

/** The value of a part of an instance; of an expression without one, the error says where it stands. */
function valueAt<T>(what: string, id: string, resolve: () => T): T {
  try {
    return resolve();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new ExpressionError(`\`${what}\` of ${id} has no value: ${error.message}`);
  }
}

/** Whether an instance is wanted: what its `when` says. */
export function isWanted(
  plan: Plan,
  instance: Instance,
  outputsOf: (instanceId: string) => StepOutputs | undefined,
  sliced?: SlicedOutputs,
  factOf?: FactOf,
): boolean {
  const { when } = instance.step;
  if (when === undefined) return true;
  return valueAt('when', instance.id, () => {
    const wanted = new Resolver(plan, instance, outputsOf, sliced, factOf).resolve(when.value);
    if (typeof wanted === 'boolean') return wanted;
    throw new ExpressionError(`it is ${JSON.stringify(wanted)}, not true or false`);
  });
}

/** The instances of another step that have this instance's value on every axis that both have. */
function agreeingInstances(plan: Plan, { step: mine, row }: Instance, stepId: string): Instance[] {
  // A step that has one axis of a matrix has all of them.
  return instancesAt(stepOf(plan, stepId), mine.fanOut ? undefined : byOrigin(mine.axes, row));
}

function sharedAxes(mine: PlanStep, other: PlanStep): Axis[] {
  return other.axes.filter((axis) => mine.axes.some((ownAxis) => sameAxis(ownAxis, axis)));
}

/** The instances of a step, or those at the given values of the axes of some origins. */
function instancesAt(step: PlanStep, fixed?: ReadonlyMap<string, Row>): Instance[] {
  if (step.fanOut) return [{ id: step.id, step, coordinates: {}, row: [] }];
  return rowsOf(step, fixed).map((row) => ({
    id: instanceId(step, row),
    step,
    coordinates: coordinatesOf(step.axes, row),
    row,
  }));
}

function instanceId(step: PlanStep, row: Row): string {
  const labels = step.axes.map((axis, index) => `${axis.name}=${axisLabel(axis, row[index] ?? 0)}`);
  return labels.length === 0 ? step.id : `${step.id}[${labels.join(',')}]`;
}

/** The step of an instance, by its id. */
export function stepIdOf(instanceId: string): string {
  return instanceId.split('[', 1)[0] ?? '';
}

type Resolved = Json | ArtifactRef | OutcomesRef | Resolved[] | { [key: string]: Resolved };

class Resolver {
  readonly #plan: Plan;
  readonly #instance: Instance;
  readonly #outputsOf: (instanceId: string) => StepOutputs | undefined;
  readonly #sliced: SlicedOutputs | undefined;
  readonly #factOf: FactOf | undefined;

  constructor(
    plan: Plan,
    instance: Instance,
    outputsOf: (instanceId: string) => StepOutputs | undefined,
    sliced: SlicedOutputs | undefined,
    factOf: FactOf | undefined,
  ) {
    this.#plan = plan;
    this.#instance = instance;
    this.#outputsOf = outputsOf;
    this.#sliced = sliced;
    this.#factOf = factOf;
  }

  resolve(template: Template): Resolved {
    if ('literal' in template) return template.literal;
    if ('ref' in template) return this.#referenced(template.ref);
    // The checker has seen to it that no artifact is part of an expression.
    if ('op' in template) {
      return evaluate(
        template.op,
        template.of.map((operand) => () => this.resolve(operand) as Json),
      );
    }
    if ('text' in template) return template.text.map((part) => String(this.resolve(part))).join('');
    if ('list' in template) return template.list.flatMap((item) => this.#items(item));
    const entries = Object.entries(template.map).map(([key, item]) => [key, this.resolve(item)] as const);
    return Object.fromEntries(entries);
  }

  /** An item of a list; what it gathers becomes items of the same list. */
  #items(item: Template): Resolved[] {
    const value = this.resolve(item);
    return isGather(item) ? (value as Resolved[]) : [value];
  }

  #referenced(reference: Reference): Resolved {
    if (reference.from === 'matrix') {
      const value = own(this.#instance.coordinates, reference.axis);
      if (value === undefined) throw new Error(`${this.#instance.id} has no axis ${reference.axis}`);
      return value;
    }
    if (reference.from === 'run') {
      if (this.#factOf === undefined) throw new Error(`${this.#instance.id} asks how its run ends`);
      return this.#factOf(reference.fact);
    }
    if (reference.from === 'params') {
      const artifact = own(this.#plan.artifacts ?? {}, reference.param);
      if (artifact === undefined) throw new Error(`the plan has no artifact for ${reference.param}`);
      return artifact;
    }
    const { step, output, gather } = reference;
    const other = stepOf(this.#plan, step);
    if (other.fanOut) return this.#gathered(other, output);
    const others = agreeingInstances(this.#plan, this.#instance, step);
    const values = others.flatMap((other) => this.#output(other, output) ?? []);
    if (gather) return values;
    const [only] = values;
    if (others.length !== 1) {
      throw new Error(`${this.#instance.id} refers to ${others.length} instances of ${step}`);
    }
    if (only === undefined) {
      throw new Error(`${this.#instance.id} needs ${output} of ${step}, which was not made`);
    }
    return only;
  }

  /** The checker has seen to it that nothing but a gather can be meant. */
  #gathered(other: PlanStep, output: string): Resolved {
    const { step, row } = this.#instance;
    const ref = slicedRef(other, output, step, row);
    if (this.#sliced === undefined) throw new Error(`nobody knows what ${other.id} has made`);
    return ref.metric ? this.#sliced.metrics(ref) : [this.#sliced.artifacts(ref)];
  }

  /** Undefined where the instance has made nothing at all. */
  #output({ id, step }: Instance, output: string): Resolved | undefined {
    const made = this.#outputsOf(id);
    if (made === undefined) return undefined;
    const { artifact, metrics } = made;
    if (step.output.name === output) return artifact;
    const value = own(metrics, output);
    if (value === undefined) throw new Error(`${id} has made no ${output}`);
    return value;
  }
}

function isGather(template: Template): boolean {
  return 'ref' in template && template.ref.from === 'steps' && template.ref.gather;
}
