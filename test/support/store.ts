import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactStore } from '../../artifacts/store.ts';
import { openStore } from '../../artifacts/store.ts';
import { choosePorts } from '../../local/ports.ts';
import { startS3 } from '../../local/s3.ts';

export interface TestStore {
  store: ArtifactStore;
  /** The variables with which another process opens the same store. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

/** A real S3 server with an empty bucket in a folder of its own; one a test file, in `beforeAll`. */
export async function startTestStore(): Promise<TestStore> {
  const home = await mkdtemp(join(tmpdir(), 'f2c-store-'));
  const server = await startS3({ home, ports: await choosePorts(home, {}) });
  return {
    store: openStore(server.env),
    env: server.env,
    async stop() {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
