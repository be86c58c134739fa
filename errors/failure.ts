import type { ErrorCode } from './catalogue.ts';

export interface FailureParts {
  /** Lines that each name a place of their own, as a compiler writes them; they come before the sentences. */
  listing?: string | undefined;
  /** What happened, as a sentence without its full stop. */
  what: string;
  /** Where: a file:line:column, a step, an address. */
  where?: string | undefined;
  /** What to do about it, as a sentence without its full stop. */
  fix?: string | undefined;
  cause?: unknown;
}

/** A failure that a user can understand and act on; everything else that is thrown is a defect. */
export class F2cError extends Error {
  readonly code: ErrorCode;
  readonly parts: FailureParts;

  constructor(code: ErrorCode, parts: FailureParts) {
    const { listing, cause } = parts;
    super([listing, sentences(parts)].filter((part) => part !== undefined).join('\n\n'), { cause });
    this.name = 'F2cError';
    this.code = code;
    this.parts = parts;
  }
}

/** What happened, where, and what to do, without the listing. */
export function sentences({ what, where, fix }: FailureParts): string {
  const place = where === undefined ? '' : ` (${where})`;
  return [`${what}${place}`, fix]
    .filter((sentence) => sentence !== undefined)
    .map(stopped)
    .join(' ');
}

function stopped(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
