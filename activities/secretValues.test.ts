import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { JsonObject } from '../language/text/json.ts';
import { withSecrets } from './secretValues.ts';
import type { StepTask } from './tasks.ts';

beforeEach(() => {
  vi.stubEnv('F2C_SECRET_A', 'value-of-a$&');
  vi.stubEnv('F2C_SECRET_B', 'value-of-b');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const params = {
  url: 'x${{ secrets.A }}${{ secrets.A }}',
  list: ['${{ secrets.B }}', 3, { deep: 'a ${{ secrets.A }}' }],
};
const task = (secrets: string[] | undefined): StepTask & { params: JsonObject } => ({
  pipeline: 'p',
  run: 'r',
  step: 's',
  uses: 'notify',
  version: 1,
  params,
  inputs: {},
  ...(secrets && { secrets }),
});

it('puts in the values of the secrets that the pipeline gives to the step, at any depth', () => {
  expect(withSecrets(task(['A', 'B']))).toEqual({
    url: 'xvalue-of-a$&value-of-a$&',
    list: ['value-of-b', 3, { deep: 'a value-of-a$&' }],
  });
});

it('leaves a text that only looks like another secret', () => {
  expect(withSecrets(task(['A'])).list).toEqual(['${{ secrets.B }}', 3, { deep: 'a value-of-a$&' }]);
  expect(withSecrets(task(undefined))).toEqual(params);
});
