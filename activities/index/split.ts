import type { z } from 'zod';
import { F2cError } from '../../errors/failure.ts';
import type { indexStep } from './contract.ts';

export const parts = ['train', 'validation', 'test'] as const;
export type Part = (typeof parts)[number];

export type SplitParams = z.output<typeof indexStep.params>;

/** Which identities are held out. The rest is the train part. */
export interface Split {
  /** The test part: a fold, as places [from, to) in the order of identities, or so many drawn identities. */
  test: { fold: { from: number; to: number } } | { drawn: number };
  /** Identities drawn for the validation part, from those that are not in the test part. */
  validation: number;
}

/** Turns shares into numbers of identities. F2C_TOO_FEW_IDENTITIES. */
export function planSplit(params: SplitParams, identities: number): Split {
  const validation = countOf('validation', params.validation, identities);
  const { fold, folds } = params;
  if (fold === undefined || folds === undefined) {
    const drawn = countOf('test', params.test, identities);
    checkTrain(identities, drawn + validation);
    return { test: { drawn }, validation };
  }
  if (folds > identities) {
    throw tooFew(`${folds} folds cannot be made of ${identities} identities`, 'Lower `folds`');
  }
  const from = Math.floor(((fold - 1) * identities) / folds);
  const to = Math.floor((fold * identities) / folds);
  checkTrain(identities, to - from + validation);
  return { test: { fold: { from, to } }, validation };
}

/** Identities that `amount` means; a part that was asked for must not come out empty. */
function countOf(part: Part, amount: number, identities: number): number {
  const count = amount < 1 ? Math.round(amount * identities) : amount;
  if (amount > 0 && count === 0) {
    throw tooFew(
      `The ${part} part would be empty: a share of ${amount} of ${identities} identities is less than one`,
      `Raise \`${part}\``,
    );
  }
  return count;
}

function checkTrain(identities: number, heldOut: number): void {
  const left = identities - heldOut;
  if (left >= 2) return;
  throw tooFew(
    `Of ${identities} identities, ${heldOut} would be held out, which leaves ${Math.max(left, 0)} to train on`,
    'Training needs at least 2: hold out fewer, or add identities',
  );
}

/** A held-out part must have both kinds of pairs, or nothing can be measured on it. */
export function checkHeldOut(
  part: Part,
  { identities, withPair }: { identities: number; withPair: number },
): void {
  if (part === 'train' || identities === 0) return;
  if (identities === 1) {
    throw tooFew(
      `The ${part} part would have a single identity, so no impostor pair`,
      `Make the ${part} part larger: it needs at least 2 identities`,
    );
  }
  if (withPair === 0) {
    throw tooFew(
      `None of the ${identities} identities of the ${part} part has two images, so there is no genuine pair`,
      `Make the ${part} part larger, choose another \`seed\`, or add images`,
    );
  }
}

function tooFew(what: string, fix: string): F2cError {
  return new F2cError('F2C_TOO_FEW_IDENTITIES', { what, fix });
}
