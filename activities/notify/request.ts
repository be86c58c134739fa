import { F2cError } from '../../errors/failure.ts';
import type { JsonObject } from '../../language/text/json.ts';
import { isHttp } from './contract.ts';

/**
 * The request, or what is wrong with it; fetch would say that with the whole address or header in its words.
 * F2C_CONFIG_INVALID.
 */
export function requestOf({
  url,
  headers,
  body,
}: {
  url: string;
  headers: Record<string, string>;
  body: JsonObject;
}): Request {
  if (!isHttp(url)) throw unfit('`url` of `notify` is not an address that begins with http:// or https://');
  const { username, password } = new URL(url);
  if (username !== '' || password !== '') {
    throw unfit('`url` of `notify` holds a user or a password', 'Give them as the header `Authorization`');
  }
  const all = new Headers({ 'User-Agent': 'f2c' });
  for (const [name, value] of Object.entries(headers)) {
    try {
      all.set(name, value);
    } catch {
      throw unfit(`The header \`${name}\` of \`notify\` has characters that no header can have`);
    }
  }
  all.set('Content-Type', 'application/json');
  // A redirected post would arrive as a request without a body, and with the headers at another server.
  return new Request(url, { method: 'POST', headers: all, body: JSON.stringify(body), redirect: 'manual' });
}

function unfit(what: string, fix = 'Correct it, or the secret that it holds'): F2cError {
  return new F2cError('F2C_CONFIG_INVALID', { what, fix });
}
