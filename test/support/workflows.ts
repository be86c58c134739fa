import { defineQuery, proxyActivities, setHandler } from '@temporalio/workflow';

/** A workflow with a defect: every one of its workflow tasks fails. */
export async function defective(): Promise<void> {
  throw new Error('a defect of the code');
}

/** A run whose one step is for a queue. */
export async function queuing(queue: string): Promise<void> {
  setHandler(defineQuery('state'), () => ({ status: 'running', steps: [{ id: 'train', uses: 'train' }] }));
  const { train } = proxyActivities({ taskQueue: queue, activityId: 'train#1', startToCloseTimeout: '1h' });
  await train?.();
}
