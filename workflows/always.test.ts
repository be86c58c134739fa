import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { replayed } from '../test/support/replay.ts';
import { eventually, Runs, stepOf } from '../test/support/runs.ts';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import { writePeople } from './people.fixture.ts';
import type { RunState } from './runTypes.ts';

let server: Server;
let address: string;
let messages: string[];
/** Keeps the answers until a test gives them. */
let held: (() => void)[] | undefined;
let stack: TestStack;
let runs: Runs;
let folder: string;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    messages.push(JSON.parse(body).message);
    if (held === undefined) response.end();
    else held.push(() => response.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  stack = await startTestStack({ workers: true });
  runs = await Runs.open(stack);
  folder = await mkdtemp(join(tmpdir(), 'f2c-always-'));
  await writePeople(join(folder, 'people'));
}, 120_000);

beforeEach(() => {
  messages = [];
  held = undefined;
});

afterAll(async () => {
  await runs.close();
  await stack.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

const yaml = (steps = '', always = '') => `
name: ending
summary: Tells how it ends
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(join(folder, 'people'))}, imageSize: 32 } }
${steps}
always:
  told:
    uses: notify
    with: { url: "${address}", message: "\${{ run.pipeline }} \${{ run.id }} \${{ run.status }}: \${{ run.error }}" }
  good:
    uses: notify
    when: \${{ run.status == 'done' }}
    with: { url: "${address}", message: "\${{ steps.faces.identities }} people" }
${always}
`;

const people = (test: number) =>
  `  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: ${test} } }`;
const waiting = '  waits: { uses: index, approve: {}, with: { dataset: "${{ steps.faces.dataset }}" } }';
const statuses = ({ steps }: RunState) => Object.fromEntries(steps.map(({ id, status }) => [id, status]));

describe('the steps of `always`', () => {
  it('run after a run that is done, and end it no other way when they fail', async () => {
    const handle = await runs.start(yaml('', '  bad: { uses: ingest, with: { source: /nowhere } }'));
    const state = await runs.ended(handle);
    expect(state.status).toBe('done');
    expect(statuses(state)).toEqual({ faces: 'done', told: 'done', good: 'done', bad: 'failed' });
    expect(messages.sort()).toEqual(['6 people', `ending ${handle.workflowId} done: `]);
    expect(stepOf(state, 'bad')).toMatchObject({ always: true, error: { code: 'F2C_SOURCE_MISSING' } });
    expect(state).not.toHaveProperty('error');
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('Status: **done** · without bad, which failed');
    const { stdout } = await f2c(stack.env, 'show', handle.workflowId);
    expect(stdout).toMatch(/bad +failed .*F2C_SOURCE_MISSING \(the run goes on without it\)/);
    expect((await handle.describe()).status.name).toBe('COMPLETED');
  }, 120_000);

  it('run after a run that has failed, with what it says; what needs what is missing is skipped', async () => {
    const more =
      '  late: { uses: evaluate, with: { index: "${{ steps.people.index }}", embedding: pixels, label: x } }';
    const handle = await runs.start(yaml(people(50), more));
    const state = await runs.ended(handle);
    expect(state).toMatchObject({ status: 'failed', error: { code: 'F2C_RUN_FAILED' } });
    expect(statuses(state)).toEqual({
      faces: 'done',
      people: 'failed',
      told: 'done',
      good: 'skipped',
      late: 'skipped',
    });
    expect(messages).toEqual([`ending ${handle.workflowId} failed: ${state.error?.message}`]);
    expect(stepOf(state, 'late').reason).toBe('needs people, which failed');
    expect((await handle.describe()).status.name).toBe('FAILED');
  }, 120_000);

  it('run after a run that was cancelled, also while it was paused', async () => {
    const handle = await runs.start(yaml(waiting));
    await eventually(async () => {
      const state = await handle.query<RunState>('state');
      return state.steps.some(({ status }) => status === 'awaiting approval') ? true : undefined;
    });
    await handle.executeUpdate('pause', { args: [{}] });
    held = [];
    await handle.cancel();
    const answer = await eventually(() => held?.[0]);
    const { ending, status } = await handle.query<RunState>('state');
    expect([ending, status]).toEqual(['cancelled', 'running']);
    const { stdout } = await f2c(stack.env, 'show', handle.workflowId);
    expect(stdout).toMatch(/^Status +running, ends as cancelled$/m);
    answer();
    const state = await runs.ended(handle);
    expect(state.status).toBe('cancelled');
    expect(statuses(state)).toEqual({ faces: 'done', waits: 'cancelled', told: 'done', good: 'skipped' });
    expect(messages).toEqual([`ending ${handle.workflowId} cancelled: `]);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  }, 120_000);

  it('are not cancelled with a run that is done but for them', async () => {
    held = [];
    const handle = await runs.start(yaml());
    await eventually(() => (held?.length === 2 ? true : undefined));
    await handle.cancel();
    for (const answer of held) answer();
    const state = await runs.ended(handle);
    expect(statuses(state)).toEqual({ faces: 'done', told: 'done', good: 'done' });
    expect(state.status).toBe('done');
  }, 120_000);

  it('have the time of their tries and no more', async () => {
    const more = `  lost:
    uses: ingest
    timeout: 2s
    retry: { attempts: 2, backoff: 1s }
    resources: { queue: nobody-polls-this }
    with: { source: ${JSON.stringify(join(folder, 'people'))} }`;
    const state = await runs.ended(await runs.start(yaml('', more)));
    expect(state.status).toBe('done');
    expect(stepOf(state, 'lost')).toMatchObject({ status: 'failed', error: { code: 'F2C_STEP_TIMEOUT' } });
    expect(stepOf(state, 'lost').error?.message).toContain(
      'lost did not end within 5 seconds, the time of all its tries.',
    );
  }, 120_000);

  it('are foretold as far as they can be, and left out by `--only`', async () => {
    const file = join(folder, 'ending.yaml');
    await writeFile(file, yaml(people(2)));
    const planned = async (...args: string[]) => {
      const { stdout } = await f2c(stack.env, 'plan', file, '--json', ...args);
      return JSON.parse(stdout).steps.map(({ id, expect, reason }: Record<string, string>) => [
        id,
        expect,
        reason,
      ]);
    };
    const last = (await planned()).slice(2);
    expect(last).toEqual([
      ['told', 'run', 'miss: has effects, so every run does it'],
      ['good', 'open', "whether it is wanted depends on how the run ends: when run.status == 'done'"],
    ]);
    expect((await planned('--only', 'people')).map(([id]: string[]) => id)).toEqual(['faces', 'people']);
    const { stdout } = await f2c(stack.env, 'run', file, '--only', 'people', '--json');
    expect(Object.keys(statuses(JSON.parse(stdout)))).toEqual(['faces', 'people']);
    expect(messages).toEqual([]);
  }, 120_000);

  it('are replayed to the same commands', async () => {
    const histories = await runs.histories();
    expect(histories.length).toBeGreaterThan(4);
    const errors = (await replayed(histories)).map(({ error }) => error);
    expect(errors).toEqual(histories.map(() => undefined));
  }, 120_000);
});
