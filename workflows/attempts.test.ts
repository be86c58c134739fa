import { ActivityFailure, ApplicationFailure, CancelledFailure } from '@temporalio/workflow';
import { expect, it } from 'vitest';
import { Interrupted, queuedMsOf } from './attempts.ts';

const failed = (cause: Error) =>
  new ActivityFailure('Activity failed', 'train', 'train#1', 'NON_RETRYABLE_FAILURE', undefined, cause);
const paused = (cause: Error) => new Interrupted('a pause', { cause: failed(cause) });

it('knows how long work has waited that has failed or was stopped, and that some has never begun', () => {
  const details = [{ done: 3, queuedMs: 40 }];
  expect(queuedMsOf(failed(ApplicationFailure.create({ details })), 900)).toBe(40);
  expect(queuedMsOf(paused(new CancelledFailure('stopped', details)), 900)).toBe(40);
  expect(queuedMsOf(paused(new CancelledFailure('nobody had taken it')), 900)).toBe(900);
  expect(queuedMsOf(new Error('a defect'), 900)).toBe(0);
});
