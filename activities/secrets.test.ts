import { expect, it } from 'vitest';
import { secretMask } from './secrets.ts';

const mask = secretMask({
  AWS_SECRET_ACCESS_KEY: 'wJalr/K7MDENG+x',
  AWS_SESSION_TOKEN: 'wJalr/K7MDENG+x-and-more',
  TEMPORAL_TLS_CLIENT_KEY_DATA: '-----BEGIN KEY-----\nMIIEvQIBADANB\n-----END KEY-----\n',
  DB_PASSWORD: 'a$&b"c',
  HF_TOKEN: 'short',
  MONKEY: 'bananas',
  HOME: '/home/somebody',
});

it.each([
  ['key=wJalr/K7MDENG+x!', 'key=***AWS_SECRET_ACCESS_KEY***!'],
  ['?sig=wJalr%2FK7MDENG%2Bx', '?sig=***AWS_SECRET_ACCESS_KEY***'],
  ['wJalr/K7MDENG+x-and-more', '***AWS_SESSION_TOKEN***'],
  ['MIIEvQIBADANB', '***TEMPORAL_TLS_CLIENT_KEY_DATA***'],
  ['a$&b"c twice a$&b"c', '***DB_PASSWORD*** twice ***DB_PASSWORD***'],
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
