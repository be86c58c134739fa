import { availableParallelism } from 'node:os';
import { trainingsAtATime } from '../activities/train/device.ts';
import { queues } from '../language/contract/step.ts';

/** What a worker does: interpret workflows, work on data with the CPU, or hold a GPU. One queue each. */
export const roles = queues;
export type Role = (typeof roles)[number];

export function isRole(name: string): name is Role {
  return (roles as readonly string[]).includes(name);
}

/** Steps at a time in one worker. */
export const stepsAtATime: Record<Exclude<Role, 'control'>, number> = {
  data: availableParallelism(),
  gpu: trainingsAtATime,
};
