import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { worker } from '../test/support/cli.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'f2c-home-'));
});
afterAll(() => rm(home, { recursive: true }));

const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };

it.each([
  ['no servers at all', {}, /^F2C_TEMPORAL_UNREACHABLE: No Temporal server is named.* `npx f2c up`.*\n$/],
  [
    'a Temporal server that is down',
    { ...keys, TEMPORAL_ADDRESS: '127.0.0.1:9' },
    /^F2C_TEMPORAL_UNREACHABLE: .*127\.0\.0\.1:9.*\n$/,
  ],
  ['no credentials', { TEMPORAL_ADDRESS: '127.0.0.1:9' }, /^F2C_STORE_DENIED: No credentials for S3.*\n$/],
])(
  'a worker refuses to start with %s',
  async (_, settings, told) => {
    const { code, stderr } = await worker({ F2C_HOME: home, ...settings }, '--role', 'data').finished;
    expect(stderr).toMatch(told);
    expect(code).toBe(1);
  },
  60_000,
);
