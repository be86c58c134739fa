import { type F2cError, sentences } from '../errors/failure.ts';

/** Options that every command has. */
export interface OutputOptions {
  json?: boolean;
}

/** Writes a command's result: for scripts as one JSON document, for people as text. */
export function print({ json }: OutputOptions, value: unknown, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(value, null, 2) : text}\n`);
}

/** News while a command works; kept off standard output, which belongs to the result. */
export function news(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A failure the way a user can act on it: what names a place in a file comes first, for terminals to open. */
export function failureText({ code, message, parts }: F2cError, { json }: OutputOptions): string {
  if (json) return JSON.stringify({ error: { code, message, ...parts, cause: undefined } });
  const told = `${code}: ${sentences(parts)}`;
  return parts.listing === undefined ? told : `${parts.listing}\n\n${told}`;
}
