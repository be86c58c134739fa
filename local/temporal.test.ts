import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { processesOf } from '../test/support/processes.ts';
import { choosePorts, type Ports } from './ports.ts';
import { startTemporal, type TemporalServer } from './temporal.ts';

let home: string;
let ports: Ports;
let server: TemporalServer;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'f2c-temporal-'));
  ports = await choosePorts(home, {});
  server = await startTemporal({ home, ports });
});
afterAll(async () => {
  await server.stop();
  rmSync(home, { recursive: true, force: true });
});

async function withConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: server.env.TEMPORAL_ADDRESS });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

test('finished runs are kept for 30 days', async () => {
  const { config } = await withConnection(({ workflowService }) =>
    workflowService.describeNamespace({ namespace: server.env.TEMPORAL_NAMESPACE }),
  );
  expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
});

test('runs can be searched by pipeline, state, data sets and models', async () => {
  const { customAttributes } = await withConnection(({ operatorService }) =>
    operatorService.listSearchAttributes({ namespace: server.env.TEMPORAL_NAMESPACE }),
  );
  expect(Object.keys(customAttributes).sort()).toEqual(['f2cDataset', 'f2cModel', 'f2cPipeline', 'f2cState']);
});

test('its UI answers', async () => {
  expect((await fetch(server.uiAddress)).status).toBe(200);
});

test('a run outlives a stop and a SIGKILL of the server', async () => {
  const start = (id: string) =>
    withConnection((connection) =>
      new Client({ connection }).workflow.start('anything', { workflowId: id, taskQueue: 'nobody' }),
    );
  const statusOf = (id: string) =>
    withConnection(async (connection) => {
      const { status } = await new Client({ connection }).workflow.getHandle(id).describe();
      return status.name;
    });

  await start('before-stop');
  await server.stop();
  expect(processesOf(server.child.pid)).toEqual([]);
  server = await startTemporal({ home, ports });
  await start('before-kill');
  process.kill(-server.child.pid, 'SIGKILL');
  await server.child.exited;
  server = await startTemporal({ home, ports });

  expect(await statusOf('before-stop')).toBe('RUNNING');
  expect(await statusOf('before-kill')).toBe('RUNNING');
});
