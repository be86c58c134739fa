import { describe, expect, test } from 'vitest';
import { indexStep } from './contract.ts';
import { checkHeldOut, planSplit } from './split.ts';

const plan = (params: Record<string, number>, identities: number) =>
  planSplit(indexStep.params.parse(params), identities);

describe('how many identities are held out', () => {
  test('none, unless it is asked for', () => {
    expect(plan({}, 40)).toEqual({ test: { drawn: 0 }, validation: 0 });
  });

  test('a share below 1 is rounded, a number from 1 on is taken as it is', () => {
    expect(plan({ test: 0.1, validation: 0.25 }, 42)).toEqual({ test: { drawn: 4 }, validation: 11 });
    expect(plan({ test: 10, validation: 3 }, 42)).toEqual({ test: { drawn: 10 }, validation: 3 });
    expect(plan({ test: 0.01, validation: 0.001 }, 10_000_000)).toEqual({
      test: { drawn: 100_000 },
      validation: 10_000,
    });
  });

  test('folds are contiguous, disjoint and cover every identity', () => {
    const folds = [1, 2, 3, 4, 5, 6].map((fold) => plan({ fold, folds: 6 }, 40).test);
    expect(folds).toEqual([
      { fold: { from: 0, to: 6 } },
      { fold: { from: 6, to: 13 } },
      { fold: { from: 13, to: 20 } },
      { fold: { from: 20, to: 26 } },
      { fold: { from: 26, to: 33 } },
      { fold: { from: 33, to: 40 } },
    ]);
  });

  test('a fold leaves room for a validation part', () => {
    expect(plan({ fold: 2, folds: 4, validation: 5 }, 40)).toEqual({
      test: { fold: { from: 10, to: 20 } },
      validation: 5,
    });
  });
});

describe('too few identities', () => {
  const hold = 'Training needs at least 2: hold out fewer, or add identities.';

  test.each([
    [{}, 1, `Of 1 identities, 0 would be held out, which leaves 1 to train on. ${hold}`],
    [{ test: 39 }, 40, `Of 40 identities, 39 would be held out, which leaves 1 to train on. ${hold}`],
    [
      { test: 30, validation: 20 },
      40,
      `Of 40 identities, 50 would be held out, which leaves 0 to train on. ${hold}`,
    ],
    [{ fold: 2, folds: 2 }, 3, `Of 3 identities, 2 would be held out, which leaves 1 to train on. ${hold}`],
    [{ fold: 1, folds: 41 }, 40, '41 folds cannot be made of 40 identities. Lower `folds`.'],
    [
      { test: 0.01 },
      40,
      'The test part would be empty: a share of 0.01 of 40 identities is less than one. Raise `test`.',
    ],
    [
      { validation: 0.001 },
      40,
      'The validation part would be empty: a share of 0.001 of 40 identities is less than one. Raise `validation`.',
    ],
  ])('%o of %i', (params, identities, message) => {
    expect(() => plan(params, identities)).toThrow(
      expect.objectContaining({ code: 'F2C_TOO_FEW_IDENTITIES', message }),
    );
  });

  test('a held-out part needs genuine and impostor pairs; the train part and an empty one do not', () => {
    expect(() => checkHeldOut('test', { identities: 3, withPair: 0 })).toThrow(
      expect.objectContaining({
        code: 'F2C_TOO_FEW_IDENTITIES',
        message:
          'None of the 3 identities of the test part has two images, so there is no genuine pair. ' +
          'Make the test part larger, choose another `seed`, or add images.',
      }),
    );
    expect(() => checkHeldOut('validation', { identities: 1, withPair: 1 })).toThrow(
      expect.objectContaining({
        code: 'F2C_TOO_FEW_IDENTITIES',
        message:
          'The validation part would have a single identity, so no impostor pair. ' +
          'Make the validation part larger: it needs at least 2 identities.',
      }),
    );
    checkHeldOut('test', { identities: 0, withPair: 0 });
    checkHeldOut('test', { identities: 2, withPair: 1 });
    checkHeldOut('train', { identities: 2, withPair: 0 });
  });
});
