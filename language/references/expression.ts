/**
 * The text of expressions, `params.images * 2` or `steps.table.best >= 0.9 && params.release`: what stands inside
 * `${{ }}` and is more than one reference. What its parts mean is checked elsewhere.
 */
import { functions } from '../plan/evaluate.ts';
import { nearest } from '../text/nearest.ts';
import { type Part, type ReferenceFault, type ReferenceText, readReference } from './reference.ts';

export type ExpressionText = Part &
  (
    | { literal: string | number | boolean }
    | { reference: ReferenceText }
    | { op: string; of: ExpressionText[] }
  );

interface Token extends Part {
  text: string;
  kind: 'name' | 'number' | 'string' | 'sign' | 'end';
}

/** Far more than people write, and little enough for functions that call themselves. */
const maxTokens = 400;

const tokenPattern =
  /(?<name>[A-Za-z][\w-]*(?:\.(?:[A-Za-z][\w-]*|\*))*)|(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<string>'[^']*'|"[^"]*")|(?<sign>&&|\|\||[=!<>]=|[<>+\-*/%!?:(),])/y;

/** Signs between two values, the later ones binding closer, as in JavaScript. */
const levels = [['||'], ['&&'], ['==', '!='], ['<', '<=', '>', '>='], ['+', '-'], ['*', '/', '%']];

class Fault extends Error {
  readonly fault: ReferenceFault;

  constructor(fault: ReferenceFault) {
    super(fault.message);
    this.fault = fault;
  }
}

/** Reads the expression in `inside`, which begins at `start` of the string that it stands in. */
export function readExpression(
  inside: string,
  start: number,
): { expression: ExpressionText } | { fault: ReferenceFault } {
  try {
    return { expression: new Reader(tokensOf(inside, start)).whole() };
  } catch (error) {
    if (error instanceof Fault) return { fault: error.fault };
    throw error;
  }
}

function tokensOf(text: string, start: number): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += /^\s*/.exec(text.slice(at))?.[0].length ?? 0;
    if (at === text.length) break;
    tokenPattern.lastIndex = at;
    const found = tokenPattern.exec(text);
    if (found === null) throw strange(text, at, start);
    const [kind] = Object.entries(found.groups ?? {}).find(([, part]) => part !== undefined) ?? [];
    const length = found[0].length;
    tokens.push({ text: found[0], kind: kind as Token['kind'], offset: start + at, length });
    at += length;
    if (tokens.length > maxTokens) {
      throw new Fault({
        offset: start,
        length: text.length,
        message: `The expression has more than ${maxTokens} parts`,
      });
    }
  }
  const end = start + text.trimEnd().length;
  return [...tokens, { text: '', kind: 'end', offset: Math.max(end - 1, start), length: 1 }];
}

function strange(text: string, at: number, start: number): Fault {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  const hint = { "'": 'is never closed', '"': 'is never closed', '=': 'is no comparison; write `==`' }[
    character
  ];
  const message = `\`${character}\` ${hint ?? 'cannot stand in an expression'}`;
  return new Fault({ offset: start + at, length: character.length, message });
}

class Reader {
  readonly #tokens: Token[];
  #at = 0;

  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  whole(): ExpressionText {
    const expression = this.#choice();
    if (this.#next().kind !== 'end') throw this.#unexpected('an operator');
    return expression;
  }

  #choice(): ExpressionText {
    const condition = this.#between(0);
    if (!this.#take('?')) return condition;
    const yes = this.#choice();
    this.#demand(':');
    const no = this.#choice();
    return { op: '?:', of: [condition, yes, no], ...around(condition, no) };
  }

  #between(level: number): ExpressionText {
    const signs = levels[level];
    if (signs === undefined) return this.#unary();
    let left = this.#between(level + 1);
    for (;;) {
      const sign = signs.find((each) => this.#take(each));
      if (sign === undefined) return left;
      const right = this.#between(level + 1);
      left = { op: sign, of: [left, right], ...around(left, right) };
    }
  }

  #unary(): ExpressionText {
    const token = this.#next();
    const sign = ['!', '-'].find((each) => this.#take(each));
    if (sign === undefined) return this.#value();
    const operand = this.#unary();
    return { op: sign, of: [operand], ...around(token, operand) };
  }

  #value(): ExpressionText {
    const token = this.#next();
    const { offset, length, text, kind } = token;
    if (this.#take('(')) {
      const inner = this.#choice();
      return { ...inner, ...around(token, this.#demand(')')) };
    }
    if (kind === 'sign' || kind === 'end') throw this.#unexpected('a value');
    this.#at++;
    if (kind === 'string') return { literal: text.slice(1, -1), offset, length };
    if (kind === 'number') return { literal: numberOf(token), offset, length };
    if (text === 'true' || text === 'false') return { literal: text === 'true', offset, length };
    if (this.#take('(')) return this.#call(token);
    const read = readReference(text, offset);
    if ('fault' in read) throw new Fault(read.fault);
    return { reference: read.reference, offset, length };
  }

  #call({ text, offset, length }: Token): ExpressionText {
    if (!functions.some((name) => name === text)) {
      const suggestion = nearest(text, functions);
      const message = `\`${text}\` is not a function; there are ${functions.join(', ')}`;
      throw new Fault({ offset, length, message, ...(suggestion !== undefined && { suggestion }) });
    }
    const of: ExpressionText[] = [];
    if (this.#next().text !== ')') {
      do of.push(this.#choice());
      while (this.#take(','));
    }
    return { op: text, of, ...around({ offset, length }, this.#demand(')')) };
  }

  #next(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Error('an expression was read beyond its end');
    return token;
  }

  #take(sign: string): boolean {
    const { kind, text } = this.#next();
    if (kind !== 'sign' || text !== sign) return false;
    this.#at++;
    return true;
  }

  #demand(sign: string): Token {
    const token = this.#next();
    if (!this.#take(sign)) throw this.#unexpected(`\`${sign}\``);
    return token;
  }

  #unexpected(wanted: string): Fault {
    const { kind, text, offset, length } = this.#next();
    const found = kind === 'end' ? 'The expression ends' : `\`${text}\` stands`;
    return new Fault({ offset, length, message: `${found} where ${wanted} should be` });
  }
}

function around(first: Part, last: Part): Part {
  return { offset: first.offset, length: last.offset + last.length - first.offset };
}

function numberOf({ text, offset, length }: Token): number {
  const value = Number(text);
  const exact = Number.isFinite(value) && (Number.isSafeInteger(value) || /[.eE]/.test(text));
  if (exact) return value;
  throw new Fault({ offset, length, message: `${text} is too large to be exact` });
}
