import { z } from 'zod';

/** Names of secrets, as in `${{ secrets.SLACK_HOOK }}`. */
export const secretName = /^[A-Z][A-Z0-9_]*$/;

/** The words for a value that should be such a name. They must not say what was found instead. */
export const secretHint = 'must be the name of a secret, such as SLACK_HOOK, and never its value';

/** A text of a contract's params that may hold secrets. Its worker puts in their values, which nothing else knows. */
export function secretText(): z.ZodString {
  return z.string().meta({ secrets: true });
}

/** How a secret stands in plans, keys, histories and receipts. */
export function secretReference(name: string): string {
  return `\${{ secrets.${name} }}`;
}

/** Whether a text that was no part of a file names a secret. */
export const namesSecret = /\$\{\{\s*secrets\./;

/** A text with its secrets replaced. */
export function replaceSecrets(text: string, value: (name: string) => string): string {
  return text.replace(/\$\{\{ secrets\.([A-Z][A-Z0-9_]*) \}\}/g, (_, name) => value(name));
}
