import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type BorrowedStack, borrowStack } from '../local/handle.ts';
import { root } from '../local/paths.ts';
import { f2c as f2cWith, worker } from '../test/support/cli.ts';
import { writeExample } from '../test/support/ownSteps.ts';
import type { RunState } from '../workflows/runTypes.ts';

const home = mkdtempSync(join(tmpdir(), 'f2c-cli-'));
const { steps, pipeline } = writeExample(join(home, 'example'));
vi.stubEnv('F2C_STEPS', steps);
const f2c = (...args: string[]) => f2cWith({ F2C_HOME: home }, ...args);

let stack: BorrowedStack;
beforeAll(async () => {
  stack = await borrowStack(home, () => {});
}, 120_000);
afterAll(async () => {
  await stack.giveBack();
  rmSync(home, { recursive: true, force: true });
});

const whose = `This stack ends with the run of process ${process.pid}; \`npx f2c up\` makes it stay.\n`;

it('other commands and workers use the stack that a run has for itself, and commands say whose it is', async () => {
  expect(await f2c('list')).toEqual({
    code: 0,
    stdout: 'No runs yet. Start one with `npx f2c run quickstart`.\n',
    stderr: whose,
  });
  const lonely = worker({ F2C_HOME: home }, '--role', 'data', '--queue', 'lonely');
  await expect.poll(lonely.stdout, { timeout: 60_000 }).toContain('"ready":true');
  lonely.end();
  expect((await lonely.finished).code).toBe(0);
}, 120_000);

it('the step kind of docs/own-steps.md is checked, run and reused as a shipped one', async () => {
  expect(await f2c('validate', pipeline)).toEqual({ code: 0, stdout: `${pipeline} is valid.\n`, stderr: '' });
  const { stdout, stderr } = await f2c('run', pipeline, '--json');
  const { run, status, steps: done } = JSON.parse(stdout) as RunState & { run: string };
  expect(stderr).toContain(whose);
  expect(status).toBe('done');
  expect(done.map(({ id, metrics }) => [id, metrics?.density])).toContainEqual(['density', 10]);
  expect((await f2c('logs', run, 'density')).stdout).toContain('400 images of 40 identities');

  const again = JSON.parse((await f2c('run', pipeline, '--json')).stdout) as RunState;
  expect(again.steps.map(({ cache }) => cache?.slice(0, 4))).toEqual(['hit:', 'hit:', 'hit:']);
}, 180_000);

it('says it where the workers know other step kinds than the command, or older ones', async () => {
  const told = async (settings: Record<string, string>) => {
    const { code, stderr } = await f2cWith({ F2C_HOME: home, ...settings }, 'list');
    expect(code).toBe(0);
    return stderr.replace(whose, '');
  };
  const other = join(root, 'test', 'steps');
  expect(await told({ F2C_STEPS: '' })).toBe(
    `The workers of this stack have step kinds of F2C_STEPS=${steps}, which is not set here.\n`,
  );
  expect(await told({ F2C_STEPS: other })).toBe(
    `The workers of this stack were started with F2C_STEPS=${steps}, not ${other}. ` +
      '`npx f2c down`, then `npx f2c up`, starts them with that.\n',
  );
  const activity = join(steps, 'density', 'activity.ts');
  utimesSync(activity, new Date(), new Date());
  expect(await told({})).toBe(
    `${activity} has changed since the workers of this stack were started. ` +
      '`npx f2c down`, then `npx f2c up`, starts them anew.\n',
  );
});
