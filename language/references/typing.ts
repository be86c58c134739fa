import { itemsWord, type ParamDefinition } from '../grammar/params.ts';
import type { GridAxis } from '../plan/coordinates.ts';
import type { Referent } from './scope.ts';

/** What is known of a value before the run: its JSON types, any of which it may have, and a word for them. */
export interface ValueType {
  word: string;
  types: string[];
  /** Of a list: its items. */
  items?: ValueType;
}

const whole: ValueType = { word: 'a whole number', types: ['number', 'integer'] };
const fraction: ValueType = { word: 'a number', types: ['number'] };
/** Whole or not, nobody knows before the run. */
const measured: ValueType = { word: 'a number', types: ['number', 'integer'] };
const text: ValueType = { word: 'a string', types: ['string'] };
const truth: ValueType = { word: 'true or false', types: ['boolean'] };
const numbers: ValueType = { word: 'a list of numbers', types: ['array'], items: measured };

export function typeOfReferent(referent: Referent): ValueType | undefined {
  if (referent.is === 'metric') return referent.many ? numbers : measured;
  if (referent.is === 'matrix') return typeOfAxis(referent.axis);
  if (referent.is === 'secret' || referent.is === 'run') return text;
  return referent.is === 'param' ? typeOfParam(referent.definition) : undefined;
}

function typeOfParam({ type, items }: ParamDefinition): ValueType {
  switch (type) {
    case 'integer':
      return whole;
    case 'number':
      return fraction;
    case 'boolean':
      return truth;
    case 'list':
      return {
        word: `a list of ${itemsWord(items)}`,
        types: ['array'],
        ...(items && { items: typeOfParam(items) }),
      };
    default:
      return text;
  }
}

/** Undefined where the values of an axis are of several types, or of one that expressions do not know. */
function typeOfAxis({ values, open }: GridAxis): ValueType | undefined {
  const [first, ...others] = [
    ...(open === undefined ? [] : [typeOfParam(open)]),
    ...values.map(typeOfLiteral),
  ];
  return first !== undefined && others.every((other) => sameKind(first, other))
    ? join(first, others)
    : undefined;
}

export function typeOfLiteral(value: unknown): ValueType | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? whole : fraction;
  if (typeof value === 'string') return text;
  return typeof value === 'boolean' ? truth : undefined;
}

type Operand = ValueType | undefined;

/** The type of what an operator or a function gives, or what is wrong with its operands. Undefined ones may be anything. */
export function typeOfResult(op: string, operands: readonly Operand[]): ValueType | { fault: string } {
  const [a, b, c] = operands;
  switch (op) {
    case '?:':
      if (!sameKind(b, c))
        return { fault: `Both values of \`?:\` must be of one type, not ${words([b, c])}` };
      return demand(op, [a], truth) ?? join(b, [c]) ?? measured;
    case '||':
    case '&&':
    case '!':
      return demand(op, operands, truth) ?? truth;
    case '==':
    case '!=':
      if ([a, b].some((side) => side?.types.includes('array')))
        return { fault: `\`${op}\` does not compare lists` };
      return sameKind(a, b)
        ? truth
        : { fault: `\`${op}\` compares values of one type, not ${words([a, b])}` };
    case '<':
    case '<=':
    case '>':
    case '>=':
      return demand(op, operands, fraction) ?? truth;
    case '/':
      return demand(op, operands, fraction) ?? fraction;
    case '+':
      if (operands.some((side) => side?.types.includes('string')))
        return { fault: '`+` adds numbers; texts stand side by side: "${{ … }}-${{ … }}"' };
      return arithmetic(op, operands);
    case '-':
    case '*':
    case '%':
      return arithmetic(op, operands);
    default:
      return typeOfCall(op, operands);
  }
}

function arithmetic(op: string, operands: readonly Operand[]): ValueType | { fault: string } {
  return demand(op, operands, fraction) ?? join(operands[0], operands.slice(1)) ?? measured;
}

function typeOfCall(name: string, operands: readonly Operand[]): ValueType | { fault: string } {
  const [a, b] = operands;
  const count = (least: number, most: number): { fault: string } | undefined => {
    if (operands.length >= least && operands.length <= most) return undefined;
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    return { fault: `\`${name}\` takes ${wanted} values, not ${operands.length}` };
  };
  switch (name) {
    case 'min':
    case 'max':
    case 'mean': {
      const each = operands.map((operand) => operand?.items ?? operand);
      const at = each.findIndex(
        (one) => one && !isNumber(one) && (one.items || !one.types.includes('array')),
      );
      const wrong = operands[at];
      if (operands.length === 0) return { fault: `\`${name}\` takes at least one number or list of numbers` };
      if (wrong) return { fault: `\`${name}\` takes numbers and lists of them, not ${wrong.word}` };
      if (name === 'mean') return fraction;
      return each.every((one) => one && isNumber(one))
        ? (join(each[0], each.slice(1)) ?? measured)
        : measured;
    }
    case 'abs':
      return count(1, 1) ?? arithmetic(name, operands);
    case 'round':
      return count(1, 2) ?? demand(name, operands, fraction) ?? (operands.length === 1 ? whole : fraction);
    case 'floor':
    case 'ceil':
      return count(1, 1) ?? demand(name, operands, fraction) ?? whole;
    case 'length': {
      const fits = a === undefined || a.types.includes('array') || a.types.includes('string');
      return count(1, 1) ?? (fits ? whole : { fault: `\`length\` takes a list or a string, not ${a?.word}` });
    }
    default: {
      const fits = [a?.types.includes('array') ?? true, b?.types.includes('string') ?? true].every(Boolean);
      return (
        count(2, 2) ?? (fits ? text : { fault: `\`join\` takes a list and a string, not ${words([a, b])}` })
      );
    }
  }
}

function demand(op: string, operands: readonly Operand[], wanted: ValueType): { fault: string } | undefined {
  const wrong = operands.find((each) => !sameKind(each, wanted));
  if (wrong === undefined) return undefined;
  const takes = wanted === truth ? 'true or false' : 'numbers';
  return { fault: `\`${op}\` takes ${takes}, not ${wrong.word}` };
}

function sameKind(a: Operand, b: Operand): boolean {
  if (a === undefined || b === undefined) return true;
  return a.types[0] === b.types[0];
}

function isNumber(type: ValueType): boolean {
  return sameKind(type, fraction);
}

/** Numbers of which one may be a fraction may give one. Undefined where nothing is known. */
function join(first: Operand, others: readonly Operand[]): ValueType | undefined {
  const all = [first, ...others];
  const known = all.filter((each) => each !== undefined);
  const [kind] = known;
  if (kind === undefined) return undefined;
  if (!isNumber(kind)) return kind;
  if (known.includes(fraction)) return fraction;
  return all.every((each) => each === whole) ? whole : measured;
}

function words(operands: readonly Operand[]): string {
  return operands.map((each) => each?.word ?? 'an unknown value').join(' and ');
}
