import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { Runs } from './runs.ts';
import { startTestStack, type TestStack } from './stack.ts';

/** For a test file that says `withStack()`: a stack with workers, what talks to it, and an empty folder. */
export let stack: TestStack;
export let runs: Runs;
export let folder: string;

export function withStack(): void {
  beforeAll(async () => {
    stack = await startTestStack({ workers: true });
    runs = await Runs.open(stack);
    folder = await mkdtemp(join(tmpdir(), 'f2c-test-'));
  }, 120_000);

  afterAll(async () => {
    await runs.close();
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  });
}
