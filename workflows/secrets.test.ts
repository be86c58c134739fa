import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack } from '../local/stack.ts';
import { printHistory, readable } from '../test/histories/neutral.ts';
import { f2c } from '../test/support/cli.ts';
import { workerOf } from '../test/support/processes.ts';
import { eventually, Runs, stepOf } from '../test/support/runs.ts';
import type { TestStack } from '../test/support/stack.ts';

/** What nobody may read; the word in them is what is looked for. */
const path = '/hooks/T0HIDDEN-AND-LONG-ENOUGH/B1';
const token = 'hidden"token\\with+odd/signs';

interface Arrived {
  url: string | undefined;
  authorization: string | undefined;
  key: string | string[] | undefined;
  body: string;
}

let server: Server;
let arrived: Arrived[] = [];
/** Statuses of the next answers; 200 when there are none left, and none at all for 0. */
let statuses: number[] = [];
let home: string;
let stack: TestStack;
let runs: Runs;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { url, headers } = request;
    const { authorization, 'idempotency-key': key } = headers;
    arrived.push({ url, authorization, key, body });
    const status = statuses.shift() ?? 200;
    // The server tells all that it knows, as some do.
    if (status > 0) response.writeHead(status).end(`no ${url} ${authorization} ${JSON.stringify(headers)}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hook = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  home = await mkdtemp(join(tmpdir(), 'f2c-secrets-'));
  const { F2C_TEMPORAL_PORT: _, F2C_TEMPORAL_UI_PORT: __, F2C_S3_PORT: ___, ...env } = process.env;
  const secrets = {
    F2C_SECRET_HOOK: hook,
    F2C_SECRET_TOKEN: token,
    F2C_SECRET_BROKEN: 'hidden\nlines-of-it',
  };
  stack = { ...(await startStack({ home, workers: true, env: { ...env, ...secrets } })), home };
  runs = await Runs.open(stack);
}, 120_000);

afterAll(async () => {
  await runs.close();
  await stack.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(home, { recursive: true, force: true });
});

const yaml = (headers = 'Bearer ${{ secrets.TOKEN }}') => `
name: telling
summary: Tells that it is there
params:
  hook: { type: secret, default: HOOK }
steps:
  told:
    uses: notify
    retry: { attempts: 2, backoff: 1s }
    with: { url: "\${{ params.hook }}", message: It is there, headers: { Authorization: "${headers}" } }
`;

/** Everything that is kept of a run: its history, its state, the whole store, and what the workers print. */
async function everythingOf(handle: WorkflowHandle): Promise<string> {
  const texts = [
    readable(printHistory(await handle.fetchHistory())),
    JSON.stringify(await handle.query('state')),
  ];
  for (const query of ['__stack_trace', '__temporal_workflow_metadata']) {
    texts.push(JSON.stringify(await handle.query(query)));
  }
  texts.push(
    JSON.stringify(await handle.describe(), (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
  );
  for await (const key of runs.store.bucket.keys('')) {
    texts.push(key, (await runs.store.bucket.read(key))?.text ?? '');
  }
  const logs = join(home, 'logs');
  for (const file of readdirSync(logs)) texts.push(readFileSync(join(logs, file), 'utf8'));
  for (const command of [['show'], ['logs']]) {
    const { stdout, stderr } = await f2c(stack.env, ...command, handle.workflowId);
    texts.push(stdout, stderr);
  }
  return texts.join('\n');
}

const hidden = /hidden/i;

async function expectHidden(handle: WorkflowHandle): Promise<void> {
  const everything = await everythingOf(handle);
  expect(everything).toContain('${{ secrets.HOOK }}');
  expect(everything).toContain('attempt 1 begins');
  const at = everything.search(hidden);
  expect(at === -1 ? '' : everything.slice(Math.max(0, at - 200), at + 100)).toBe('');
}

describe('a step with secrets', () => {
  it('has their values, which are nowhere else, and tells once in a run', async () => {
    arrived = [];
    const handle = await runs.start(yaml());
    const state = await runs.ended(handle);
    expect(state).toMatchObject({ status: 'done', params: { hook: 'HOOK' } });
    const { artifact, cache, metrics, attempts } = stepOf(state, 'told');
    expect([cache, metrics, attempts]).toEqual([
      'miss: has effects, so every run does it',
      { status: 200 },
      1,
    ]);
    expect(arrived).toHaveLength(1);
    expect(arrived[0]).toMatchObject({ url: path, authorization: `Bearer ${token}`, key: artifact?.key });
    expect(JSON.parse(arrived[0]?.body ?? '')).toEqual({
      text: 'It is there',
      message: 'It is there',
      run: handle.workflowId,
      pipeline: 'telling',
      step: 'told',
    });
    const receipt = artifact && (await runs.store.load(artifact));
    expect(receipt).toMatchObject({
      kind: 'receipt',
      facts: { url: '${{ secrets.HOOK }}', status: 200 },
      from: { params: { headers: { Authorization: 'Bearer ${{ secrets.TOKEN }}' } } },
    });
    await expectHidden(handle);
  }, 120_000);

  it('is done by every run, as it is said beforehand, whether it is forced or not', async () => {
    const file = join(home, 'telling.yaml');
    await writeFile(file, yaml());
    arrived = [];
    for (const force of [[], ['--force', 'told']]) {
      const { stdout } = await f2c(stack.env, 'plan', file, '--json', ...force);
      const [step] = JSON.parse(stdout).steps;
      expect(step).toMatchObject({ expect: 'run', reason: 'miss: has effects, so every run does it' });
      const { code } = await f2c(stack.env, 'run', file, ...force);
      expect(code).toBe(0);
    }
    expect(arrived).toHaveLength(2);
    expect(new Set(arrived.map(({ key }) => key)).size).toBe(2);
  }, 120_000);

  it('is done by every instance of a run, also where the others tell the same', async () => {
    arrived = [];
    const told = yaml().split('  told:')[1] as string;
    const twice = told.replace('uses: notify', 'uses: notify\n    matrix: { i: [1, 2] }');
    const state = await runs.ended(
      await runs.start(`${yaml()}  later:${told}    needs: [told]\n  twice:${twice}`),
    );
    const receipts = state.steps.map(({ id, status, artifact }) => [id, status, artifact?.key]);
    const keyOf = new Map(arrived.map(({ body, key }) => [JSON.parse(body).step, key]));
    expect(arrived).toHaveLength(4);
    expect(new Set(keyOf.values()).size).toBe(4);
    expect(receipts).toEqual(
      ['told', 'later', 'twice[i=1]', 'twice[i=2]'].map((id) => [id, 'done', keyOf.get(id)]),
    );
  }, 120_000);

  it('tries again what may help, with the same key', async () => {
    [arrived, statuses] = [[], [503]];
    const handle = await runs.start(yaml());
    expect(stepOf(await runs.ended(handle), 'told')).toMatchObject({ status: 'done', attempts: 2 });
    expect(new Set(arrived.map(({ key }) => key)).size).toBe(1);
    await expectHidden(handle);
  }, 120_000);

  it('goes on after the death of its worker, and is known by its key', async () => {
    [arrived, statuses] = [[], [0]];
    const handle = await runs.start(yaml());
    await eventually(() => arrived[0]);
    const worker = workerOf('data');
    process.kill(worker?.pid as number, 'SIGKILL');
    expect(stepOf(await runs.ended(handle), 'told')).toMatchObject({ status: 'done', attempts: 2 });
    expect(arrived).toHaveLength(2);
    expect(new Set(arrived.map(({ key }) => key)).size).toBe(1);
    await expectHidden(handle);
  }, 180_000);

  it('is refused with what the server said, less the secrets', async () => {
    statuses = [404];
    const handle = await runs.start(yaml());
    const { status, attempts, error } = stepOf(await runs.ended(handle), 'told');
    expect([status, attempts, error?.code]).toEqual(['failed', 1, 'F2C_NOTIFY_REFUSED']);
    expect(error?.message).toContain(
      '${{ secrets.HOOK }} answered 404: no ***F2C_SECRET_HOOK*** Bearer ***F2C_SECRET_TOKEN***',
    );
    await expectHidden(handle);
  }, 120_000);

  it('fails with a secret that no header can hold without telling it', async () => {
    const handle = await runs.start(yaml('${{ secrets.BROKEN }}'));
    const { error } = stepOf(await runs.ended(handle), 'told');
    expect(error?.code).toBe('F2C_CONFIG_INVALID');
    await expectHidden(handle);
  }, 120_000);
});

describe('a secret that is not there', () => {
  it('fails the step after its tries with what to set where', async () => {
    const last =
      'last: { uses: notify, retry: { attempts: 1 }, with: { url: "${{ secrets.NONE }}", message: x } }';
    const handle = await runs.start(`${yaml('${{ secrets.NONE }}')}always:\n  ${last}\n`);
    const { attempts, error } = stepOf(await runs.ended(handle), 'told');
    expect([attempts, error?.code]).toEqual([2, 'F2C_SECRET_MISSING']);
    expect(error?.message).toMatch(
      /^The secret NONE is not there: a worker of the queue data has no variable F2C_SECRET_NONE\. Set F2C_SECRET_NONE for.* resume the run\./,
    );
    // Its run may be done, and then there is nothing to resume.
    expect(stepOf(await runs.ended(handle), 'last').error?.message).toMatch(
      /start them again: the next run has it, or this one if it is not done and you resume it\./,
    );
  }, 120_000);

  it('is a value where a name should be: refused without a word of it, wherever the run is started', async () => {
    const file = join(home, 'telling.yaml');
    await writeFile(file, yaml());
    const value = 'https://chat/hidden';
    const { code, stdout, stderr } = await f2c(stack.env, 'run', file, '--param', `hook=${value}`);
    expect(code).toBe(1);
    expect(stderr).toContain('`hook` must be the name of a secret, such as SLACK_HOOK, and never its value');
    expect(stdout + stderr).not.toMatch(hidden);
    const { digest } = await runs.store.putBlob(Buffer.from(yaml()));
    const handle = await runs.startWith({ pipeline: `sha256:${digest}`, params: { hook: value } });
    const state = await runs.ended(handle);
    expect(state.error?.code).toBe('F2C_PARAMS_INVALID');
    expect(JSON.stringify(state)).not.toMatch(hidden);
  }, 120_000);
});
