import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { processesWith } from '../test/support/processes.ts';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import { startStack } from './stack.ts';

describe('a stack without workers', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack({ workers: false });
  });
  afterAll(() => stack.stop());

  async function answers(): Promise<boolean> {
    const s3 = await fetch(stack.addresses.s3).then(
      ({ status }) => status === 403,
      () => false,
    );
    const connection = await Connection.connect({
      address: stack.env.TEMPORAL_ADDRESS ?? '',
      connectTimeout: '1s',
    }).catch(() => undefined);
    await connection?.close();
    return s3 && connection !== undefined;
  }

  test('gives the environment that its users need', () => {
    expect(Object.keys(stack.env).sort()).toEqual([
      'AWS_ACCESS_KEY_ID',
      'AWS_ENDPOINT_URL_S3',
      'AWS_REGION',
      'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED',
      'AWS_SECRET_ACCESS_KEY',
      'F2C_BUCKET',
      'F2C_HOME',
      'TEMPORAL_ADDRESS',
      'TEMPORAL_CONFIG_FILE',
      'TEMPORAL_NAMESPACE',
    ]);
    expect(stack.addresses).toEqual({
      temporal: stack.env.TEMPORAL_ADDRESS,
      temporalUi: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      s3: stack.env.AWS_ENDPOINT_URL_S3,
    });
  });

  test('refuses a second one over the same data', async () => {
    await expect(startStack({ home: stack.home, workers: false })).rejects.toMatchObject({
      code: 'F2C_STACK_RUNNING',
    });
    expect(await answers()).toBe(true);
  });

  test('starts a killed server again at the same address', async () => {
    const before = serversOf(stack.home);
    expect(before).toHaveLength(2);
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await expect.poll(answers, { timeout: 30_000, interval: 200 }).toBe(true);
    const after = serversOf(stack.home);
    expect(after).toHaveLength(2);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
  });

  test('leaves no process behind', async () => {
    await stack.stop();
    expect(processesWith(stack.home)).toEqual([]);
  });
});

/** Process ids of weed and temporal themselves, without the shells that watch over them. */
function serversOf(home: string): number[] {
  return processesWith(home)
    .filter(({ command }) => !command.startsWith('/bin/sh'))
    .map(({ pid }) => pid);
}
