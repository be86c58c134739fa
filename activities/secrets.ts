/** Names of variables whose value is for nobody to read: AWS_SECRET_ACCESS_KEY, TEMPORAL_API_KEY, HF_TOKEN. */
const secretName =
  /(^|_)(APIKEY|KEYS?|SECRETS?|TOKENS?|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|WEBHOOK)(_|$)/i;

/** Shorter values would stand in the middle of ordinary words. */
const leastLength = 6;

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

/** A value of several lines, such as a private key, is printed in as many; in an address it is escaped. */
function formsOf(value: string): string[] {
  const lines = value.split(/\r?\n/).map((line) => line.trim());
  const forms = lines.flatMap((line) => [line, encodeURIComponent(line)]);
  return [...new Set(forms)].filter((form) => form.length >= leastLength);
}
