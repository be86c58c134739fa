import { noopMetricMeter } from '@temporalio/common';
import { DefaultLogger } from '@temporalio/worker';
import { compileWorkerOptions } from '@temporalio/worker/lib/worker-options';
import { expect, it } from 'vitest';
import { workflowPatience } from './worker.ts';

it('the SDK gives a task of a workflow as much time as it is told to', () => {
  const options = { taskQueue: 'control', ...workflowPatience };
  const { isolateExecutionTimeoutMs } = compileWorkerOptions(options, new DefaultLogger(), noopMetricMeter);
  expect(isolateExecutionTimeoutMs).toBe(60_000);
});
