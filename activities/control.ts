import type { ArtifactStore } from '../artifacts/store.ts';
import type { JsonObject } from '../language/json.ts';
import type { Plan } from '../language/plan.ts';
import { asActivity } from './boundary.ts';
import { type ChangedParams, changeParams, type ParamsChange } from './changes.ts';
import { lookUpTask, planRun, type RunInput, readFingerprint } from './reuse.ts';
import type { LookUp, StepTask } from './tasks.ts';
import { endTurn, type TurnRequest, takeTurn } from './turns.ts';

export type ControlActivities = ReturnType<typeof controlActivities>;
export type FingerprintActivity = ReturnType<typeof fingerprintActivity>;

/** What the workflow asks beside the steps' own work; answered by the worker that interprets it. */
export function controlActivities(store: ArtifactStore) {
  return {
    compile: (input: RunInput): Promise<Plan> => asActivity(() => planRun(store, input)),
    takeTurn: (request: TurnRequest): Promise<string[]> => asActivity(() => takeTurn(store, request)),
    endTurn: (request: TurnRequest): Promise<void> => asActivity(() => endTurn(store, request)),
    lookUp: (task: StepTask): Promise<LookUp> => asActivity(() => lookUpTask(store, task)),

    /** The params of a step with a person's changes; F2C_ANSWER_INVALID. */
    changeParams: (change: ParamsChange): Promise<ChangedParams> =>
      asActivity(async () => changeParams(change)),
  };
}

/** Digest of what a step would read of the outside world; asked where the step would run. */
export function fingerprintActivity(store: ArtifactStore) {
  return (step: { uses: string; params: JsonObject }): Promise<string> =>
    asActivity((signal) => readFingerprint(store, step, signal));
}
