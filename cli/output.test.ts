import { expect, it } from 'vitest';
import { F2cError } from '../errors/failure.ts';
import { pipelineError } from '../language/text/problems.ts';
import { failureText } from './output.ts';

const problem = { line: 2, column: 5, length: 3, message: 'Wrong' };

it('begins with the place of the first error, so that terminals can open it', () => {
  const error = pipelineError([problem], { text: 'a:\n  b: c', file: 'p.yaml' });
  const listing = 'p.yaml:2:5  error  Wrong\n     2 |   b: c\n       |     ^^^';
  expect(failureText(error, {})).toBe(`${listing}\n\nF2C_PIPELINE_INVALID: 1 error in p.yaml.`);
  expect(error.message).toBe(`${listing}\n\n1 error in p.yaml.`);
});

it('begins with the code where there is no listing, and gives scripts the parts', () => {
  const error = new F2cError('F2C_RUN_UNKNOWN', { what: 'There is no run x', fix: 'Look' });
  expect(failureText(error, {})).toBe('F2C_RUN_UNKNOWN: There is no run x. Look.');
  expect(JSON.parse(failureText(error, { json: true }))).toEqual({
    error: { code: 'F2C_RUN_UNKNOWN', message: error.message, what: 'There is no run x', fix: 'Look' },
  });
});
