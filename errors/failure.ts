import type { ErrorCode } from './catalogue.ts';

export interface FailureParts {
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
    super(failureText(parts), { cause: parts.cause });
    this.name = 'F2cError';
    this.code = code;
    this.parts = parts;
  }
}

function failureText({ what, where, fix }: FailureParts): string {
  const place = where === undefined ? '' : ` (${where})`;
  return [`${what}${place}`, fix]
    .filter((sentence) => sentence !== undefined)
    .map(stopped)
    .join(' ');
}

function stopped(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
