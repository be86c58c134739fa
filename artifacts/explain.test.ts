import { expect, test } from 'vitest';
import { explainChange } from './explain.ts';
import type { KeyParts } from './manifest.ts';

const [a, b, c] = ['a'.repeat(64), 'b'.repeat(64), 'c'.repeat(64)];
const before: KeyParts = {
  step: 'train',
  version: 1,
  params: { marginValue: 0.4, augment: ['flip'], seed: 0 },
  inputs: { index: a, reports: [a, b] },
  fingerprint: a,
};

test.each<[string, Partial<KeyParts>, string[]]>([
  ['nothing', {}, []],
  ['the order of keys', { params: { seed: 0, augment: ['flip'], marginValue: 0.4 } }, []],
  ['a param', { params: { ...before.params, marginValue: 0.5 } }, ['marginValue 0.4 -> 0.5']],
  [
    'params that come and go',
    { params: { marginValue: 0.4, augment: ['flip', 'shift'], head: 'dcp' } },
    ['augment ["flip"] -> ["flip","shift"]', 'head unset -> "dcp"', 'seed 0 -> unset'],
  ],
  ['an input', { inputs: { ...before.inputs, index: c } }, ['input index changed (aaaaaaaa… -> cccccccc…)']],
  [
    'inputs that come and go',
    { inputs: { model: c, reports: [a, b] } },
    ['input index is gone', 'input model is new'],
  ],
  [
    'a longer list',
    { inputs: { ...before.inputs, reports: [a, b, c] } },
    ['input reports changed (2 -> 3 artifacts, 1 new)'],
  ],
  [
    'a list in another order',
    { inputs: { ...before.inputs, reports: [b, a] } },
    ['input reports changed (another order)'],
  ],
  ['the source', { fingerprint: b }, ['the source changed']],
  ['the version', { version: 2 }, ['train v1 -> v2']],
  ['the step', { step: 'index', version: 7 }, ['step train -> index']],
  [
    'several things',
    { version: 2, params: { ...before.params, seed: 1 }, fingerprint: b },
    ['train v1 -> v2', 'seed 0 -> 1', 'the source changed'],
  ],
])('%s', (_name, changes, expected) => {
  expect(explainChange(before, { ...before, ...changes })).toEqual(expected);
});

test('a long value is cut', () => {
  const [change] = explainChange(before, { ...before, params: { ...before.params, seed: 'x'.repeat(100) } });
  expect(change).toBe(`seed 0 -> "${'x'.repeat(58)}…`);
});
