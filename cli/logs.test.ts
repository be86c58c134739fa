import { expect, it } from 'vitest';
import { lineText } from './logs.ts';

const line = {
  time: Date.UTC(2026, 3, 1, 9, 30, 15, 250),
  step: 'train',
  attempt: 2,
  level: 'warn',
  message: 'a shard waits for the store',
  fields: {},
};

it('shows when, which step and attempt, how bad, and what', () => {
  expect(lineText(line, 10)).toBe('2026-04-01 09:30:15  train#2     warn   a shard waits for the store');
});

it('shows what else was written, a stack trace below', () => {
  const fields = {
    shard: '7.tar',
    sizes: [1, 2],
    err: { type: 'Error', message: 'x', stack: 'Error: x\n at y' },
  };
  expect(lineText({ ...line, fields }, 0)).toBe(
    '2026-04-01 09:30:15  train#2  warn   a shard waits for the store  shard=7.tar  sizes=[1,2]\n' +
      '    Error: x\n     at y',
  );
});

it('sends no control characters to a terminal', () => {
  expect(lineText({ ...line, message: '\u001b[31mred\u001b[0m' }, 0)).toMatch(/ red$/);
});
