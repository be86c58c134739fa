import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import { describeRun } from './runs.ts';
import type { Session } from './session.ts';
import { queryState } from './state.ts';
import { type Queued, watchRun } from './watch.ts';

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

async function queuedIn(run: string, of: Session): Promise<Queued> {
  for await (const { queued } of watchRun(of, run, away)) {
    const train = queued.get('train');
    if (train !== undefined) return train;
  }
  throw new Error('the run ended');
}

it('tells a step that waits for a free worker from one that nobody will take', async () => {
  const { workflowId } = await start('queuing', 'gpu');
  expect(await queuedIn(workflowId, session)).toEqual({ queue: 'gpu', served: false });
  // The embedded stack has a worker for every queue.
  const embedded = { ...session, webUi: stack.addresses.temporalUi };
  expect(await queuedIn(workflowId, embedded)).toEqual({ queue: 'gpu', served: true });
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
