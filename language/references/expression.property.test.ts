import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ExpressionError, evaluate } from '../plan/evaluate.ts';
import type { ExpressionText } from './expression.ts';
import { readExpression } from './expression.ts';
import { splitText } from './pieces.ts';
import { typeOfLiteral, typeOfResult, type ValueType } from './typing.ts';

/** An expression as text that JavaScript reads the same way, by the type of what it gives. */
const { number, truth } = fc.letrec<{ number: string; truth: string; text: string }>((tie) => {
  const pair = (of: fc.Arbitrary<string>, signs: string[]) =>
    fc.tuple(of, fc.constantFrom(...signs), of).map(([a, sign, b]) => `${a} ${sign} ${b}`);
  const choice = (of: fc.Arbitrary<string>) =>
    fc.tuple(tie('truth'), of, of).map(([condition, yes, no]) => `(${condition} ? ${yes} : ${no})`);
  const bracketed = (of: fc.Arbitrary<string>) => of.map((inner) => `( ${inner} )`);
  const call = (name: string, of: fc.Arbitrary<string>) => of.map((inner) => `${name}(${inner})`);
  return {
    number: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(fc.nat(20).map(String), fc.constantFrom('0.5', '1e3', '2.25', '1e300')),
      pair(tie('number'), ['+', '-', '*', '/', '%']),
      bracketed(tie('number')),
      tie('number').map((inner) => `- ${inner}`),
      choice(tie('number')),
      fc
        .tuple(fc.constantFrom('min', 'max'), tie('number'), tie('number'))
        .map(([f, a, b]) => `${f}(${a}, ${b})`),
      ...['abs', 'round', 'floor', 'ceil'].map((name) => call(name, tie('number'))),
      call('length', tie('text')),
    ),
    truth: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('true', 'false'),
      pair(tie('number'), ['<', '<=', '>', '>=', '==', '!=']).map((inner) => `(${inner})`),
      pair(tie('text'), ['==', '!=']).map((inner) => `(${inner})`),
      pair(tie('truth'), ['&&', '||', '==', '!=']),
      bracketed(tie('truth')),
      tie('truth').map((inner) => `!${inner}`),
      choice(tie('truth')),
    ),
    text: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom("'a'", '"a"', "'it is }}'", '""', '"über"'),
      choice(tie('text')),
    ),
  };
});

/** What JavaScript makes of the same text. */
function javaScript(text: string): unknown {
  const names = ['min', 'max', 'abs', 'round', 'floor', 'ceil'] as const;
  const run = new Function(...names, 'length', `return (${text});`);
  const value = run(...names.map((name) => Math[name]), (of: string) => of.length);
  return typeof value === 'number' ? value + 0 : value;
}

function resultOf(expression: ExpressionText): ReturnType<typeof evaluate> {
  if ('literal' in expression) return expression.literal;
  if ('reference' in expression) throw new Error('there are no references here');
  return evaluate(
    expression.op,
    expression.of.map((operand) => () => resultOf(operand)),
  );
}

function typeOf(expression: ExpressionText): ValueType {
  if ('reference' in expression) throw new Error('there are no references here');
  const type =
    'literal' in expression
      ? typeOfLiteral(expression.literal)
      : typeOfResult(expression.op, expression.of.map(typeOf));
  if (type === undefined || 'fault' in type) throw new Error(`no type: ${JSON.stringify(type)}`);
  return type;
}

test('a value is that of JavaScript and of the type that was said, unless a number on the way is not finite', () => {
  let compared = 0;
  fc.assert(
    fc.property(fc.oneof(number, truth), (text) => {
      // Deep ones may have more parts than an expression may have.
      const read = readExpression(text, 0);
      fc.pre('expression' in read || !read.fault.message.includes('more than'));
      if (!('expression' in read)) throw new Error(`${text}: ${read.fault.message}`);
      const type = typeOf(read.expression);
      let value: unknown;
      try {
        value = resultOf(read.expression);
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        expect(error.message).toMatch(/divides by zero|no finite number/);
        return;
      }
      compared++;
      expect(value).toBe(javaScript(text));
      const isWhole = !type.types.includes('integer') || Number.isInteger(value);
      expect([type.types.includes(typeof value), isWhole], text).toEqual([true, true]);
    }),
    { numRuns: 3000, seed: 4 },
  );
  expect(compared).toBeGreaterThan(1500);
});

const parts = fc.array(
  fc.oneof(
    fc.constantFrom(
      '(',
      ')',
      '+',
      '-',
      '!',
      '?',
      ':',
      '&&',
      '||',
      '==',
      '<',
      ',',
      '*',
      '.',
      ' ',
      "'",
      '"',
      '}}',
      '${{',
    ),
    fc.constantFrom(
      'params.a',
      'steps.a.*.b',
      'steps.a.b',
      'matrix.c',
      'min',
      'true',
      '1',
      '1.5',
      '1e9',
      'x',
    ),
    fc.string({ unit: 'binary', maxLength: 3 }),
  ),
  { maxLength: 60 },
);

test('no text makes the reader throw, and every fault has a place in it', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        parts.map((some) => some.join('')),
        fc
          .tuple(fc.constantFrom('(', '-', '!', '1+', 'min(', '1?', 'true?1:'), fc.nat(5_000))
          .map(([part, times]) => part.repeat(times)),
      ),
      (text) => {
        for (const piece of splitText(`\${{${text}}}`)) {
          if (!('fault' in piece)) continue;
          const { offset, length } = piece.fault;
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(length).toBeGreaterThanOrEqual(1);
          expect(offset + length).toBeLessThanOrEqual(text.length + 5);
        }
      },
    ),
    { numRuns: 3000, seed: 5 },
  );
});
