import { expect, it } from 'vitest';
import { maskedError, secretMask } from './secrets.ts';

const mask = secretMask({
  AWS_SECRET_ACCESS_KEY: 'wJalr/K7MDENG+x',
  AWS_SESSION_TOKEN: 'wJalr/K7MDENG+x-and-more',
  TEMPORAL_TLS_CLIENT_KEY_DATA: '-----BEGIN KEY-----\nMIIEvQIBADANB\n-----END KEY-----\n',
  DB_PASSWORD: 'a$&b"c',
  HF_TOKEN: 'short',
  MONKEY: 'bananas',
  F2C_SECRET_HOOK: 'https://hooks.chat.example/services/T0123456789ABCDEF/b?sig=0123456789abcdefg',
  HOME: '/home/somebody',
});

it.each([
  ['key=wJalr/K7MDENG+x!', 'key=***AWS_SECRET_ACCESS_KEY***!'],
  ['?sig=wJalr%2FK7MDENG%2Bx', '?sig=***AWS_SECRET_ACCESS_KEY***'],
  ['wJalr/K7MDENG+x-and-more', '***AWS_SESSION_TOKEN***'],
  ['MIIEvQIBADANB', '***TEMPORAL_TLS_CLIENT_KEY_DATA***'],
  ['a$&b"c twice a$&b"c', '***DB_PASSWORD*** twice ***DB_PASSWORD***'],
  ['{"x":"a$&b\\"c"}', '{"x":"***DB_PASSWORD***"}'],
  ['POST /services/T0123456789ABCDEF/b?sig=0123456789abcdefg', 'POST ***F2C_SECRET_HOOK***'],
  ['no services/T0123456789ABCDEF', 'no services/***F2C_SECRET_HOOK***'],
  ['sig 0123456789abcdefg', 'sig ***F2C_SECRET_HOOK***'],
  ['proxy http://me:hunter2@proxy:3128/x', 'proxy http://me:***@proxy:3128/x'],
])('%s is written as %s', (text, masked) => {
  expect(mask(text)).toBe(masked);
});

it.each(['a short word', 'bananas in /home/somebody', 'http://host:8080/path, mail@host'])(
  '%s stays as it is',
  (text) => {
    expect(mask(text)).toBe(text);
  },
);

it('an error that is kept has no secret in its texts, and keeps its causes', () => {
  const error = new TypeError('no wJalr/K7MDENG+x', { cause: new Error('not a$&b"c') });
  const masked = maskedError(error, mask);
  expect([masked.name, masked.message, (masked.cause as Error).message]).toEqual([
    'TypeError',
    'no ***AWS_SECRET_ACCESS_KEY***',
    'not ***DB_PASSWORD***',
  ]);
  expect(`${masked.stack}${(masked.cause as Error).stack}`).not.toMatch(/wJalr|a\$&b/);
  expect(masked.stack).toContain('secrets.test.ts');
});
