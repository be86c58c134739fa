import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stack } from '../../local/stack.ts';
import { startStack } from '../../local/stack.ts';

export interface TestStack extends Stack {
  readonly home: string;
}

/** The embedded stack in a folder of its own, which `stop` removes. */
export async function startTestStack({ workers }: { workers: boolean }): Promise<TestStack> {
  const home = await mkdtemp(join(tmpdir(), 'f2c-stack-'));
  // The ports that a developer has fixed for a stack of theirs are not for tests.
  const { F2C_TEMPORAL_PORT: _, F2C_TEMPORAL_UI_PORT: __, F2C_S3_PORT: ___, ...env } = process.env;
  const stack = await startStack({ home, workers, env });
  return {
    ...stack,
    home,
    async stop() {
      await stack.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
