import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { choosePorts, portNames } from './ports.ts';

let home: string;
const servers: Server[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'f2c-ports-'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
  rmSync(home, { recursive: true, force: true });
});

function occupy(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    servers.push(server);
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

test('a home has seven ports of its own and keeps them', async () => {
  const ports = await choosePorts(home, {});
  expect(Object.keys(ports)).toEqual([...portNames]);
  expect(new Set(Object.values(ports)).size).toBe(portNames.length);
  expect(await choosePorts(home, {})).toEqual(ports);
  expect(statSync(join(home, 'stack.json')).mode & 0o777).toBe(0o600);
});

test('a kept port that another program has taken is replaced, the others stay', async () => {
  const before = await choosePorts(home, {});
  await occupy(before.temporal);
  const after = await choosePorts(home, {});
  expect(after.temporal).not.toBe(before.temporal);
  expect({ ...after, temporal: before.temporal }).toEqual(before);
});

test('a port of S3 is replaced when its gRPC port is taken', async () => {
  const before = await choosePorts(home, {});
  await occupy(before.s3 + 10_000);
  expect((await choosePorts(home, {})).s3).not.toBe(before.s3);
});

test('a port that the user has fixed is used', async () => {
  const { s3 } = await choosePorts(home, {});
  expect((await choosePorts(home, { F2C_TEMPORAL_PORT: String(s3 + 1) })).temporal).toBe(s3 + 1);
});

test('a fixed port that is taken is an error', async () => {
  const { temporal } = await choosePorts(home, {});
  await occupy(temporal);
  await expect(choosePorts(home, { F2C_TEMPORAL_PORT: String(temporal) })).rejects.toMatchObject({
    code: 'F2C_PORT_TAKEN',
    message:
      `Port ${temporal} is in use by another program (F2C_TEMPORAL_PORT). ` +
      'Stop that program, or set F2C_TEMPORAL_PORT to another port.',
  });
});

test.each(['http', '0', '55536', '-1', '9.5'])('F2C_S3_PORT=%s is refused', async (text) => {
  await expect(choosePorts(home, { F2C_S3_PORT: text })).rejects.toMatchObject({
    code: 'F2C_USAGE',
    message:
      `"${text}" is not a port from 1 to 55535 (F2C_S3_PORT). ` +
      'Set F2C_S3_PORT to a free port, or leave it out.',
  });
});
