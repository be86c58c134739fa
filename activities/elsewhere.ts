import { activityInfo } from '@temporalio/activity';
import type { ArtifactStore } from '../artifacts/store.ts';
import { type AttemptPlace, readTraining } from '../artifacts/trainings.ts';
import { openRun } from './openRun.ts';
import { contracts } from './registry.ts';
import { lookUpTask } from './reuse.ts';
import type { LookUp, StepTask } from './tasks.ts';

/**
 * Looks in the store, and where the artifact is not there, says whether another step makes the very same this moment:
 * a training of days must not be done twice, nor be taken from the one who does it.
 */
export async function lookUpOnce(store: ArtifactStore, task: StepTask): Promise<LookUp> {
  const found = await lookUpTask(store, task);
  if (found.hit !== undefined || !contracts[task.uses]?.resumable) return found;
  const { by } = (await readTraining(store, found.key)) ?? {};
  if (by === undefined || isOwn(by, task) || !(await goesOn(by))) return found;
  return { ...found, elsewhere: by.workflow };
}

/** The attempt before of the same step, which Temporal knows to have ended, or has given up. */
function isOwn({ execution, activity }: AttemptPlace, { step }: StepTask): boolean {
  return execution === activityInfo().workflowExecution?.runId && activity.startsWith(`${step}#`);
}

/** A run that was terminated keeps its activities as pending for good, so it is asked as well whether it is open. */
async function goesOn({ workflow, execution, activity }: AttemptPlace): Promise<boolean> {
  const run = await openRun(workflow, execution);
  return run?.raw.pendingActivities?.some(({ activityId }) => activityId === activity) ?? false;
}
