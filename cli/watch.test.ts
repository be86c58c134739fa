import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../test/support/runs.ts';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import type { AtQueue } from '../workflows/runTypes.ts';
import { describeRun } from './runs.ts';
import type { Session } from './session.ts';
import { queryState } from './state.ts';
import { watchRun } from './watch.ts';

let stack: TestStack;
let connection: Connection;
let native: NativeConnection;
let worker: Worker;
let working: Promise<void>;
let session: Session;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  stack = await startTestStack({ workers: false });
  const address = stack.addresses.temporal;
  connection = await Connection.connect({ address });
  native = await NativeConnection.connect({ address });
  const workflowsPath = fileURLToPath(new URL('../test/support/workflows.ts', import.meta.url));
  worker = await Worker.create({ connection: native, taskQueue: 'control', workflowsPath });
  working = worker.run();
  session = { client: new Client({ connection }), env: stack.env, webUi: undefined, fate: () => 'stay' };
}, 120_000);

afterAll(async () => {
  worker.shutdown();
  await working;
  await Promise.all([connection.close(), native.close()]);
  await stack.stop();
});

const start = (workflow: string, ...args: string[]) =>
  session.client.workflow.start(workflow, { workflowId: `${workflow}-${args}`, taskQueue: 'control', args });

const away = () => {};

async function placeIn(run: string): Promise<AtQueue> {
  for await (const { state } of watchRun(session, run, away)) {
    const place = state.steps[0]?.atQueue;
    if (place !== undefined) return place;
  }
  throw new Error('the run ended');
}

it('tells a step that waits for a free worker from one that nobody will take', async () => {
  const lonely = await start('queuing', 'gpu-a100');
  const place = { queue: 'gpu-a100', role: 'gpu', since: expect.any(Number) };
  expect(await placeIn(lonely.workflowId)).toEqual({ ...place, served: false });

  // Its one hand is taken by the first of two runs.
  const finish: (() => void)[] = [];
  const train = () => new Promise<void>((resolve) => finish.push(resolve));
  const busy = await Worker.create({
    connection: native,
    taskQueue: 'gpu-a100',
    activities: { train },
    maxConcurrentActivityTaskExecutions: 1,
  });
  await busy.runUntil(async () => {
    await eventually(() => finish[0]);
    const second = await start('queuing', 'gpu-a100', 'second');
    expect(await placeIn(second.workflowId)).toEqual({ ...place, served: true });
    finish[0]?.();
    (await eventually(() => finish[1]))();
    await Promise.all([lonely.result(), second.result()]);
  });
});

it('a workflow that fails on its worker is told as that, and not as a server that does not answer', async () => {
  const handle = await start('defective');
  await expect
    .poll(async () =>
      (await handle.fetchHistory()).events?.some((event) => event.workflowTaskFailedEventAttributes),
    )
    .toBe(true);
  const described = await describeRun(session.client, handle.workflowId);
  await expect(queryState(described)).rejects.toMatchObject({
    code: 'F2C_RUN_STUCK',
    parts: {
      what: 'The run defective- cannot be read, since its workflow fails on the control worker: a defect of the code',
    },
  });
});

it('a watch ends when the embedded stack has ended', async () => {
  const ended: Session = { ...session, fate: () => 'ended' };
  await expect(watchRun(ended, 'any', away).next()).rejects.toMatchObject({ code: 'F2C_STACK_DOWN' });
});
