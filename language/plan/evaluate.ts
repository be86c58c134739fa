/** Runs inside the workflow: imports nothing but types. */
import type { Json } from '../text/json.ts';

/** The functions of expressions. */
export const functions = [
  ...['min', 'max', 'mean', 'abs', 'round', 'floor', 'ceil', 'length', 'join'],
] as const;

/** An expression that has no value, such as a division by zero. The message is the end of a sentence. */
export class ExpressionError extends Error {}

/** The value of an operator or a function. Operands are asked for only where they count. */
export function evaluate(op: string, operands: readonly (() => Json)[]): Json {
  const operand = (index: number): Json => {
    const ask = operands[index];
    if (ask === undefined) throw new ExpressionError(`\`${op}\` misses a value`);
    return ask();
  };
  switch (op) {
    case '?:':
      return truth(op, operand(0)) ? operand(1) : operand(2);
    case '||':
      return truth(op, operand(0)) || truth(op, operand(1));
    case '&&':
      return truth(op, operand(0)) && truth(op, operand(1));
    case '!':
      return !truth(op, operand(0));
    case '==':
      return same(op, operand(0), operand(1));
    case '!=':
      return !same(op, operand(0), operand(1));
    case 'length':
      return lengthOf(operand(0));
    case 'join':
      return joined(operand(0), operand(1));
    default: {
      const values = operands.flatMap((ask) => ask());
      return calculated(
        op,
        values.map((value) => number(op, value)),
      );
    }
  }
}

function calculated(op: string, numbers: number[]): Json {
  const [a, b] = numbers;
  if (a === undefined) throw new ExpressionError(`\`${op}\` has nothing to work on`);
  if (b === undefined) return finite(op, ofOne(op, a));
  switch (op) {
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    default:
      return finite(op, ofSeveral(op, a, b, numbers));
  }
}

function ofOne(op: string, a: number): number {
  switch (op) {
    case '-':
      return -a;
    case 'abs':
      return Math.abs(a);
    case 'round':
      return Math.round(a);
    case 'floor':
      return Math.floor(a);
    case 'ceil':
      return Math.ceil(a);
    default:
      return ofSeveral(op, a, a, [a]);
  }
}

function ofSeveral(op: string, a: number, b: number, numbers: number[]): number {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
    case '%':
      if (b === 0) throw new ExpressionError('it divides by zero');
      return op === '/' ? a / b : a % b;
    case 'min':
      return numbers.reduce((least, each) => Math.min(least, each));
    case 'max':
      return numbers.reduce((most, each) => Math.max(most, each));
    case 'mean':
      return numbers.reduce((sum, each) => sum + each) / numbers.length;
    case 'round':
      return Math.round(a * 10 ** b) / 10 ** b;
    default:
      throw new ExpressionError(`\`${op}\` is not known`);
  }
}

/** JSON has no infinities, and no minus zero. */
function finite(op: string, value: number): number {
  if (!Number.isFinite(value)) throw new ExpressionError(`\`${op}\` gives no finite number`);
  return value === 0 ? 0 : value;
}

function number(op: string, value: Json): number {
  if (typeof value === 'number') return value;
  throw new ExpressionError(`\`${op}\` takes numbers, not ${wordOf(value)}`);
}

function truth(op: string, value: Json): boolean {
  if (typeof value === 'boolean') return value;
  throw new ExpressionError(`\`${op}\` takes true or false, not ${wordOf(value)}`);
}

function same(op: string, a: Json, b: Json): boolean {
  if (typeof a === typeof b && typeof a !== 'object') return a === b;
  throw new ExpressionError(`\`${op}\` compares ${wordOf(a)} and ${wordOf(b)}`);
}

function lengthOf(value: Json): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  throw new ExpressionError(`\`length\` takes a list or a string, not ${wordOf(value)}`);
}

function joined(list: Json, separator: Json): string {
  if (Array.isArray(list) && typeof separator === 'string') return list.map(String).join(separator);
  throw new ExpressionError(
    `\`join\` takes a list and a string, not ${wordOf(list)} and ${wordOf(separator)}`,
  );
}

function wordOf(value: Json): string {
  if (value === null) return 'an empty value';
  if (Array.isArray(value)) return 'a list';
  return { object: 'a map', string: 'a string', number: 'a number', boolean: 'true or false' }[
    typeof value as 'object' | 'string' | 'number' | 'boolean'
  ];
}
