/** Names of variables whose value is for nobody to read: AWS_SECRET_ACCESS_KEY, TEMPORAL_API_KEY, HF_TOKEN. */
const secretName =
  /(^|_)(APIKEY|KEYS?|SECRETS?|TOKENS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|WEBHOOK)(_|$)/i;

/** Shorter values would stand in the middle of ordinary words. */
export const leastLength = 6;

/** The same of parts of an address, most of which are ordinary words. */
const leastOfAddress = 16;

/**
 * Gives a function that takes the secrets of an environment out of a text: `***NAME***` is in their place.
 * Passwords in addresses are taken out as well.
 */
export function secretMask(env: NodeJS.ProcessEnv = process.env): (text: string) => string {
  const secrets = Object.entries(env).flatMap(([name, value = '']) =>
    secretName.test(name) ? formsOf(value).map((form) => ({ form, mask: `***${name}***` })) : [],
  );
  // One may be a part of another.
  secrets.sort((a, b) => b.form.length - a.form.length);
  return (text) =>
    secrets
      .reduce((sofar, { form, mask }) => sofar.replaceAll(form, () => mask), text)
      .replace(/(:\/\/[^\s/:@]*:)[^\s/@]+@/g, '$1***@');
}

/** The same error as it may be kept: with nothing secret in its texts. */
export function maskedError(error: Error, mask: (text: string) => string): Error {
  const cause = error.cause instanceof Error ? { cause: maskedError(error.cause, mask) } : {};
  const masked = new Error(mask(error.message), cause);
  masked.name = error.name;
  masked.stack = mask(error.stack ?? '');
  return masked;
}

/**
 * A value of several lines, such as a private key, is printed in as many; in an address or in JSON it is escaped. Of
 * an address, such as that of a webhook, servers and libraries repeat parts.
 */
function formsOf(value: string): string[] {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  const forms = lines.flatMap((line) => [
    line,
    encodeURIComponent(line),
    JSON.stringify(line).slice(1, -1),
    ...partsOfAddress(line),
  ]);
  return [...new Set(forms)].filter((form) => form.length >= leastLength);
}

function partsOfAddress(value: string): string[] {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) return [];
  const { href, pathname, search, searchParams } = new URL(value);
  const parts = [...pathname.split('/'), ...searchParams.values()];
  return [href, `${pathname}${search}`, pathname, ...parts.filter((part) => part.length >= leastOfAddress)];
}
