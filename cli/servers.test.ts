import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { borrowStack } from '../local/handle.ts';
import { f2c, worker } from '../test/support/cli.ts';

it('other commands and workers use the stack that a run has for itself, and commands say whose it is', async () => {
  const home = await mkdtemp(join(tmpdir(), 'f2c-cli-'));
  const { giveBack } = await borrowStack(home, () => {});
  try {
    const { code, stdout, stderr } = await f2c({ F2C_HOME: home }, 'list');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'No runs yet. Start one with `npx f2c run quickstart`.\n',
    });
    expect(stderr).toBe(
      `This stack ends with the run of process ${process.pid}; \`npx f2c up\` makes it stay.\n`,
    );
    const lonely = worker({ F2C_HOME: home }, '--role', 'data', '--queue', 'lonely');
    await expect.poll(lonely.stdout, { timeout: 60_000 }).toContain('"ready":true');
    lonely.end();
    expect((await lonely.finished).code).toBe(0);
  } finally {
    await giveBack();
    await rm(home, { recursive: true, force: true });
  }
}, 120_000);
