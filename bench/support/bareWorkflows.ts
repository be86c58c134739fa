/** What the interpreter is measured against in the benchmark `overhead`. */
import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { WholeTask } from '../../activities/tasks.ts';
import type { ArtifactRef } from '../../artifacts/manifest.ts';
import type { BareActivities, NoActivities } from './bareWorker.ts';

/** A first step and `more`: each needs the one before, or all need the first. */
export interface Shape {
  more: number;
  wide: boolean;
}

const options = { startToCloseTimeout: '15m', retry: { maximumAttempts: 1 } } as const;
const atData = { ...options, taskQueue: 'bareData' };

/** Nothing but the two activities of each step, as somebody would write it by hand. */
export async function bare(shape: Shape, salt: string): Promise<void> {
  const { lookUp } = proxyActivities<BareActivities>(options);
  const { commit } = proxyActivities<BareActivities>(atData);
  await inShape<ArtifactRef>(shape, async (number, before) => {
    const task: WholeTask = {
      pipeline: 'bare',
      run: workflowInfo().workflowId,
      step: `s${number}`,
      uses: 'tally',
      version: 1,
      params: { number, salt },
      inputs: before === undefined ? {} : { before },
    };
    const { key, hit } = await lookUp(task);
    return (hit ?? (await commit({ ...task, key }))).artifact;
  });
}

/** As many activities on the same queues, and they do nothing: what Temporal itself takes. */
export async function empty(shape: Shape): Promise<void> {
  const control = proxyActivities<NoActivities>(options);
  const data = proxyActivities<NoActivities>(atData);
  await inShape<void>(shape, async () => {
    await control.nothing();
    await data.nothing();
  });
}

async function inShape<T>(
  { more, wide }: Shape,
  step: (number: number, before?: T) => Promise<T>,
): Promise<void> {
  const first = await step(0);
  if (wide) {
    await Promise.all(Array.from({ length: more }, (_, index) => step(index + 1, first)));
    return;
  }
  let before = first;
  for (let number = 1; number <= more; number++) before = await step(number, before);
}
