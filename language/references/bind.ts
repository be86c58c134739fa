import { secretReference } from '../contract/secretText.ts';
import type { Coordinates } from '../plan/coordinates.ts';
import { ExpressionError, evaluate } from '../plan/evaluate.ts';
import type { Axis, StepReference, Template } from '../plan/plan.ts';
import type { Findings } from '../text/findings.ts';
import type { Json, JsonObject } from '../text/json.ts';
import { own } from '../text/own.ts';
import type { Path } from '../text/places.ts';
import type { ExpressionText } from './expression.ts';
import type { Given } from './frame.ts';
import { splitText } from './pieces.ts';
import type { Part, ReferenceText } from './reference.ts';
import { lookUp, type Referent, type Scope } from './scope.ts';
import { typeOfLiteral, typeOfReferent, typeOfResult, type ValueType } from './typing.ts';

/** A value of `with` whose references are known to name something. */
export type Bound =
  | { literal: Json }
  | BoundReference
  | BoundOperation
  | { text: Bound[] }
  | { list: Bound[] }
  | { map: Record<string, Bound> }
  /** Holds a fault that is reported already. */
  | { broken: true };

export interface BoundReference {
  ref: ReferenceText;
  referent: Referent;
  /** Where the string stands. */
  path: Path;
  /** What the param of a used pipeline stands for, where that is not known before the run or differs by axis. */
  given?: Given;
}

export interface BoundOperation {
  op: string;
  of: Bound[];
  type: ValueType;
  /** Where in which string it stands. */
  part: Part;
  path: Path;
}

export function bind(value: Json, path: Path, scope: Scope, findings: Findings): Bound {
  if (typeof value === 'string') return bindText(value, path, scope, findings);
  if (Array.isArray(value)) {
    return { list: value.map((item, index) => bind(item, [...path, index], scope, findings)) };
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return {
      map: Object.fromEntries(
        entries.map(([key, item]) => [key, bind(item, [...path, key], scope, findings)]),
      ),
    };
  }
  return { literal: value };
}

function bindText(value: string, path: Path, scope: Scope, findings: Findings): Bound {
  const pieces = splitText(value).map((piece): Bound => {
    if ('text' in piece) return { literal: piece.text };
    if ('reference' in piece) return bindReference(piece.reference, path, scope, findings);
    if ('expression' in piece) return bindExpression(piece.expression, path, scope, findings);
    const { message, suggestion, ...part } = piece.fault;
    findings.inText(path, part, message, suggestion);
    return { broken: true };
  });
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return first;
  return { text: pieces.map((piece) => checkInText(piece, findings)) };
}

function bindReference(ref: ReferenceText, path: Path, scope: Scope, findings: Findings): Bound {
  const found = lookUp(ref, scope);
  if ('is' in found) {
    const given = ref.reference.from === 'params' ? own(scope.frame.given, ref.reference.param) : undefined;
    return { ref, referent: found, path, ...(given && { given }) };
  }
  const { message, suggestion, ...part } = found.fault;
  findings.inText(path, part, message, suggestion);
  return { broken: true };
}

function bindExpression(expression: ExpressionText, path: Path, scope: Scope, findings: Findings): Bound {
  const { offset, length } = expression;
  const part = { offset, length };
  const fault = (message: string): Bound => {
    findings.inText(path, part, message);
    return { broken: true };
  };
  if ('literal' in expression) return { literal: expression.literal };
  if ('reference' in expression) {
    const bound = bindReference(expression.reference, path, scope, findings);
    if (!('ref' in bound)) return bound;
    if (bound.referent.is === 'secret') {
      return fault(`\`${bound.ref.written}\` is a secret, whose value only the worker of a step knows`);
    }
    if (bound.referent.is !== 'artifact') return bound;
    return fault(`\`${bound.ref.written}\` is a ${bound.referent.kind}, which has no value to work with`);
  }
  const of = expression.of.map((operand) => bindExpression(operand, path, scope, findings));
  if (of.some((operand) => 'broken' in operand)) return { broken: true };
  const type = typeOfResult(expression.op, of.map(typeOfOperand));
  return 'fault' in type ? fault(type.fault) : { op: expression.op, of, type, part, path };
}

function typeOfOperand(bound: Bound): ValueType | undefined {
  if ('literal' in bound) return typeOfLiteral(bound.literal);
  if ('op' in bound) return bound.type;
  return 'ref' in bound ? typeOfReferent(bound.referent) : undefined;
}

/** Only what has a short text of its own can stand inside a text. */
function checkInText(piece: Bound, findings: Findings): Bound {
  if (!('ref' in piece)) return piece;
  const { referent, ref, path } = piece;
  const fault = (message: string): Bound => {
    findings.inText(path, partOf(ref), message);
    return { broken: true };
  };
  if (referent.is === 'artifact')
    return fault(`\`${ref.written}\` is a ${referent.kind} and cannot be part of a text`);
  if (
    (referent.is === 'metric' && referent.many) ||
    (referent.is === 'param' && referent.definition.type === 'list')
  )
    return fault(
      `\`${ref.written}\` is a list and cannot be part of a text, but \`join(${ref.written}, ', ')\` can`,
    );
  if (referent.is === 'matrix' && referent.axis.values.some((value) => typeof value === 'object')) {
    return fault(`\`${ref.written}\` has values that are no plain text and cannot be part of a text`);
  }
  return piece;
}

export function partOf({ offset, length }: ReferenceText): Part {
  return { offset, length };
}

/** The references of a value, at any depth, as its file has them. */
export function referencesIn(bound: Bound): BoundReference[] {
  if ('ref' in bound) return [bound];
  if ('op' in bound) return bound.of.flatMap(referencesIn);
  if ('text' in bound) return bound.text.flatMap(referencesIn);
  if ('list' in bound) return bound.list.flatMap(referencesIn);
  return 'map' in bound ? Object.values(bound.map).flatMap(referencesIn) : [];
}

/** The steps that a value is made of, also by way of params that are given what other steps make. */
export function sourcesIn(bound: Bound): StepReference[] {
  return originsIn(bound).flatMap(({ referent }) =>
    (referent.is === 'artifact' || referent.is === 'metric') && referent.source.from === 'steps'
      ? [referent.source]
      : [],
  );
}

/** Whether a value differs by an axis. Axes of one step have different names, wherever they come from. */
export function dependsOnAxis(bound: Bound, { name }: Axis): boolean {
  return originsIn(bound).some(({ referent }) => referent.is === 'matrix' && referent.axis.name === name);
}

/** The references of a value with those of the files around in place of the params that are given them. */
function originsIn(bound: Bound): BoundReference[] {
  return referencesIn(bound).flatMap((reference) =>
    reference.given === undefined ? [reference] : originsIn(reference.given.bound),
  );
}

/** The expressions of a value, at any depth; not the expressions inside of these. */
export function operationsIn(bound: Bound): BoundOperation[] {
  if ('op' in bound) return [bound];
  if ('text' in bound) return bound.text.flatMap(operationsIn);
  if ('list' in bound) return bound.list.flatMap(operationsIn);
  return 'map' in bound ? Object.values(bound.map).flatMap(operationsIn) : [];
}

/** The value for one instance; undefined while a part of it is known only when the run is under way. */
export function knownValue(bound: Bound, params: JsonObject, at: Coordinates): Json | undefined {
  if ('literal' in bound) return bound.literal;
  if ('ref' in bound) return referencedValue(bound, params, at);
  if ('broken' in bound) return undefined;
  if ('op' in bound) {
    const result = operationResult(bound, params, at);
    return 'value' in result ? result.value : undefined;
  }
  if ('map' in bound) {
    const entries = Object.entries(bound.map).map(
      ([key, item]) => [key, knownValue(item, params, at)] as const,
    );
    return entries.some(([, value]) => value === undefined)
      ? undefined
      : (Object.fromEntries(entries) as JsonObject);
  }
  const parts = ('list' in bound ? bound.list : bound.text).map((part) => knownValue(part, params, at));
  if (parts.some((part) => part === undefined)) return undefined;
  return 'list' in bound ? (parts as Json[]) : parts.map(String).join('');
}

/** Thrown where an operand that counts is known only when the run is under way. */
class NotKnown extends Error {}

/** What an expression gives for one instance, or why it has no value; neither while that is not known yet. */
export function operationResult(
  { op, of }: BoundOperation,
  params: JsonObject,
  at: Coordinates,
): { value: Json } | { fault: string } | { open: true } {
  const operandValue = (bound: Bound): Json => {
    if ('op' in bound) return evaluate(bound.op, operands(bound.of));
    const value = knownValue(bound, params, at);
    if (value === undefined) throw new NotKnown();
    return value;
  };
  const operands = (bounds: Bound[]) => bounds.map((bound) => () => operandValue(bound));
  try {
    return { value: evaluate(op, operands(of)) };
  } catch (error) {
    if (error instanceof NotKnown) return { open: true };
    if (error instanceof ExpressionError) return { fault: error.message };
    throw error;
  }
}

function referencedValue(bound: BoundReference, params: JsonObject, at: Coordinates): Json | undefined {
  const { ref, given, referent } = bound;
  if (given !== undefined) return knownValue(given.bound, given.params, at);
  if (referent.is === 'artifact') return undefined;
  if (referent.is === 'secret') {
    const name = secretNamed(bound, params);
    return name && secretReference(name);
  }
  const { reference } = ref;
  if (reference.from === 'params') return own(params, reference.param);
  return reference.from === 'matrix' ? own(at, reference.axis) : undefined;
}

/** The name of a secret that is referred to; undefined where a param will tell it that no run has given yet. */
export function secretNamed({ ref: { reference } }: BoundReference, params: JsonObject): string | undefined {
  if (reference.from === 'secrets') return reference.secret;
  const name = reference.from === 'params' ? own(params, reference.param) : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** The value as the plan keeps it: params filled in, what is left of references open. */
export function templateOf(bound: Bound, params: JsonObject): Template {
  const value = knownValue(bound, params, {});
  if (value !== undefined) return { literal: value };
  if ('ref' in bound) return templateOfReference(bound);
  if ('op' in bound) return { op: bound.op, of: bound.of.map((operand) => templateOf(operand, params)) };
  if ('text' in bound) return { text: bound.text.map((part) => templateOf(part, params)) };
  if ('list' in bound) return { list: bound.list.map((item) => templateOf(item, params)) };
  if ('map' in bound) {
    const entries = Object.entries(bound.map).map(([key, item]) => [key, templateOf(item, params)] as const);
    return { map: Object.fromEntries(entries) };
  }
  throw new Error('a plan was made of a pipeline with problems');
}

function templateOfReference({ ref: { reference }, referent, given }: BoundReference): Template {
  if (given !== undefined) return templateOf(given.bound, given.params);
  if (reference.from === 'matrix' || reference.from === 'run') return { ref: reference };
  if (referent.is === 'artifact' || referent.is === 'metric') return { ref: referent.source };
  throw new Error('a plan was made of a param without a value');
}
