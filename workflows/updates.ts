import type { ApplicationFailure } from '@temporalio/workflow';
import type { ErrorCode } from '../errors/catalogue.ts';
import { finalFailure } from './attempts.ts';
import type { GivenAnswer } from './runTypes.ts';

/** For the updates that people send to a run: anybody may have written their arguments. */
const longestText = 1_000;

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is wrong with who sends an update and why. */
export function faultOfTexts(given: Record<string, unknown>): string | undefined {
  for (const key of ['who', 'note']) {
    const text = given[key];
    if (text === undefined) continue;
    if (typeof text !== 'string') return `\`${key}\` must be a string.`;
    if (text.length > longestText) return `\`${key}\` must have at most ${longestText} characters.`;
  }
  return undefined;
}

/** Who sends an update and why, without what was left empty: Temporal's UI makes that easy. */
export function textsOf({ who, note }: { who?: string; note?: string }): { who?: string; note?: string } {
  return { ...(who && { who }), ...(note && { note }) };
}

/** Keeps what a person has told a run or a step. */
export function give(target: { answers?: GivenAnswer[] }, answer: GivenAnswer): void {
  target.answers = [...(target.answers ?? []), answer];
}

export function refusal(code: ErrorCode, message: string): ApplicationFailure {
  return finalFailure({ code, message });
}
