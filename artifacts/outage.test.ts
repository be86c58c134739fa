import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { choosePorts } from '../local/ports.ts';
import { startS3 } from '../local/s3.ts';
import { openStore } from './store.ts';

test('a server that is killed in the middle of a download leaves nothing half-written', async () => {
  const home = await mkdtemp(join(tmpdir(), 'f2c-outage-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const server = await startS3({ home, ports: await choosePorts(home, {}) });
  onTestFinished(() => server.stop());
  const store = openStore(server.env);
  const blob = await store.putBlob(Buffer.alloc(64 << 20, 'much more than sockets can hold'));
  store.bucket.s3.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      process.kill(-server.child.pid, 'SIGKILL');
      return answer;
    },
    { step: 'initialize' },
  );
  await expect(store.downloadBlob(blob, join(home, 'copies', 'copy'))).rejects.toMatchObject({
    code: 'F2C_STORE_UNREACHABLE',
  });
  expect(await readdir(join(home, 'copies'))).toEqual([]);
});
