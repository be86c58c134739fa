import { F2cError } from '../errors/failure.ts';

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

/** Tells a failure the way a user can act on it; only a defect shows a stack trace. */
export function printFailure(error: unknown, { json }: OutputOptions): void {
  if (!(error instanceof F2cError)) throw error;
  const { code, message, parts } = error;
  const text = json
    ? JSON.stringify({ error: { code, message, ...parts, cause: undefined } })
    : `${code}: ${message}`;
  process.stderr.write(`${text}\n`);
}
