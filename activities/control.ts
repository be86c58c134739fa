import type { BlobRef } from '../artifacts/manifest.ts';
import { putOutcomes, putSlices } from '../artifacts/outcomes.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { Known } from '../language/plan/outcomes.ts';
import type { Plan } from '../language/plan/plan.ts';
import type { JsonObject } from '../language/text/json.ts';
import { asActivity } from './boundary.ts';
import { type ChangedParams, changeParams, type ParamsChange } from './changes.ts';
import { lookUpOnce } from './elsewhere.ts';
import { askGathered, type Gathered, type GatherQuestion } from './gathered.ts';
import { lookAhead } from './lookAhead.ts';
import { contracts } from './registry.ts';
import { planRun, type RunInput, readFingerprint } from './reuse.ts';
import { type OpenedSlice, openSlice, type SliceToOpen, storedPlan } from './slices.ts';
import type { TaskQueues } from './taskQueues.ts';
import type { AheadRequest, LookUp, StepTask } from './tasks.ts';
import { endTurn, type TurnRequest, takeTurn } from './turns.ts';

export type ControlActivities = ReturnType<typeof controlActivities>;
export type FingerprintActivity = ReturnType<typeof fingerprintActivity>;

/** What the workflow asks beside the steps' own work; answered by the worker that interprets it. */
export function controlActivities(store: ArtifactStore, queues: TaskQueues) {
  return {
    compile: (input: RunInput): Promise<Plan> =>
      asActivity(async () => storedPlan(store, await withUnserved(await planRun(store, input), queues))),
    takeTurn: (request: TurnRequest): Promise<string[]> => asActivity(() => takeTurn(store, request)),
    endTurn: (request: TurnRequest): Promise<void> => asActivity(() => endTurn(store, request)),

    lookUp: (task: StepTask, queue?: string, ahead?: AheadRequest): Promise<LookUp> =>
      asActivity(async (signal) => {
        const found = await lookUpOnce(store, task);
        const { hit } = found;
        if (hit !== undefined && ahead !== undefined)
          return { ...found, ahead: await lookAhead(store, { task, hit }, ahead, signal) };
        if (hit !== undefined || queue === undefined || (await isServed(queue, queues))) return found;
        return { ...found, unserved: { queue, role: roleFor(task.uses) } };
      }),

    openSlice: (slice: SliceToOpen): Promise<OpenedSlice> => asActivity(() => openSlice(store, slice)),
    keepOutcomes: (outcomes: Known[]): Promise<BlobRef> => asActivity(() => putOutcomes(store, outcomes)),
    keepSlices: (slices: BlobRef[][]): Promise<BlobRef> => asActivity(() => putSlices(store, slices)),
    askGathered: (question: GatherQuestion): Promise<Gathered> =>
      asActivity(() => askGathered(store, question)),

    /** The params of a step with a person's changes; F2C_ANSWER_INVALID. */
    changeParams: (change: ParamsChange): Promise<ChangedParams> =>
      asActivity(async () => changeParams(change)),
  };
}

/** A step that reads the world waits for its queue before there is a look-up that could tell. */
async function withUnserved(plan: Plan, queues: TaskQueues): Promise<Plan> {
  const steps = await Promise.all(
    plan.steps.map(async (step) => {
      if (!step.fingerprint || (await isServed(step.queue, queues))) return step;
      return { ...step, unserved: { queue: step.queue, role: roleFor(step.uses) } };
    }),
  );
  return { ...plan, steps };
}

/** The role of the workers that are for steps of a kind, whatever queue the pipeline gives them. */
function roleFor(uses: string): string {
  return contracts[uses]?.queue ?? 'data';
}

/** Only for people: a server that does not say it must not stop a run. */
async function isServed(queue: string, queues: TaskQueues): Promise<boolean> {
  try {
    return await queues.isServed(queue);
  } catch {
    return true;
  }
}

/** Digest of what a step would read of the outside world; asked where the step would run. */
export function fingerprintActivity(store: ArtifactStore) {
  return (step: { uses: string; params: JsonObject }): Promise<string> =>
    asActivity((signal) => readFingerprint(store, step, signal));
}
