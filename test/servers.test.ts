import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f2c } from './support/cli.ts';
import { startTestStack, type TestStack } from './support/stack.ts';

let stack: TestStack;

beforeAll(async () => {
  stack = await startTestStack({ workers: false });
}, 120_000);

afterAll(() => stack.stop());

describe('servers that do not answer as they should', () => {
  it('an S3 server that is down is one sentence, after a few tries', async () => {
    const { code, stderr } = await f2c(
      { ...stack.env, AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' },
      'artifact',
      'list',
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/^F2C_STORE_UNREACHABLE: .*127\.0\.0\.1:9.*\n$/);
  });

  it('wrong credentials are one sentence', async () => {
    const { code, stderr } = await f2c({ ...stack.env, AWS_SECRET_ACCESS_KEY: 'wrong' }, 'artifact', 'list');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^F2C_STORE_DENIED: .*\n$/);
  });

  it('a Temporal server that is down is one sentence', async () => {
    const { code, stderr } = await f2c({ ...stack.env, TEMPORAL_ADDRESS: '127.0.0.1:9' }, 'list');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^F2C_TEMPORAL_UNREACHABLE: The Temporal server cannot be reached: .*127\.0\.0\.1:9.*\n$/,
    );
  });

  it('a run or schedule that does not exist is one sentence', async () => {
    expect((await f2c(stack.env, 'show', 'nobody')).stderr).toBe(
      'F2C_RUN_UNKNOWN: There is no run nobody. `npx f2c list` shows the runs.\n',
    );
    expect((await f2c(stack.env, 'schedule', 'delete', 'nobody')).stderr).toBe(
      'F2C_SCHEDULE_UNKNOWN: There is no schedule nobody. `npx f2c schedule list` shows the schedules.\n',
    );
  });

  it('scripts get failures as JSON', async () => {
    const { code, stderr } = await f2c(stack.env, 'show', 'nobody', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'F2C_RUN_UNKNOWN', what: 'There is no run nobody' },
    });
  });
});

describe('a run that was ended before anything worked on it', () => {
  it('can be shown, and is told apart from one that goes on', async () => {
    const { stdout: started } = await f2c(stack.env, 'run', 'quickstart', '--detach');
    const run = started.trim();
    const { stdout: cancelled } = await f2c(stack.env, 'cancel', run);
    expect(cancelled).toBe(`Asked ${run} to stop. \`npx f2c resume ${run}\` goes on with it.\n`);
    const running = await f2c(stack.env, 'resume', run);
    expect(running.stderr).toBe(
      `F2C_RUN_NOT_RESUMABLE: The run ${run} is still going on, so there is nothing to resume. ` +
        `\`npx f2c show ${run}\` shows it.\n`,
    );
    await withClient((client) => client.workflow.getHandle(run).terminate('for a test'));
    const { code, stdout } = await f2c(stack.env, 'show', run);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Status +terminated$/m);
    const watched = await f2c(stack.env, 'watch', run);
    expect(watched.code).toBe(1);
    expect(watched.stderr).toMatch(
      /\nF2C_RUN_TERMINATED: The run \S+ was ended in Temporal .* `npx f2c resume \S+` goes on where it was\.\n$/,
    );
    const { stdout: resumed } = await f2c(stack.env, 'resume', run, '--detach', '--json');
    const { run: next, forecast } = JSON.parse(resumed);
    expect(forecast.totals).toMatchObject({ reuse: 0, run: 1, runSeconds: null });
    const [newest] = JSON.parse((await f2c(stack.env, 'list', '--json', '--limit', '1')).stdout);
    expect(newest).toMatchObject({ run: next, status: 'running', resumedFrom: run });
  });

  it('is resumed as well when Temporal ended it by a time-out that somebody gave it', async () => {
    const run = 'timed-out';
    await withClient(async (client) => {
      const handle = await client.workflow.start('runPipeline', {
        workflowId: run,
        taskQueue: 'control',
        args: [{ pipeline: 'quickstart' }],
        workflowExecutionTimeout: '1s',
      });
      await handle.result().catch(() => {});
      expect((await handle.describe()).status.name).toBe('TIMED_OUT');
    });
    const { code, stdout } = await f2c(stack.env, 'resume', run, '--detach');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^run-\d{8}-\d{6}-\w{4}\n$/);
  });
});

async function withClient<T>(use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: stack.env.TEMPORAL_ADDRESS as string });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}
