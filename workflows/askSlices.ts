import type { Gathered } from '../activities/gathered.ts';
import type { Obstacle } from '../language/plan/obstacle.ts';
import type { Known, OutcomesRef } from '../language/plan/outcomes.ts';
import type { SlicedOutputs, SlicedRef } from '../language/plan/slicedRefs.ts';
import { untilDone } from './attempts.ts';
import { askGathered, patient } from './control.ts';
import type { StepState } from './runTypes.ts';

/**
 * What an instance gathers of steps that are run by slices, or why it cannot. The store is asked only where the
 * workflow has to know more than the step's name: metrics, and whether there is anything of a part of the instances.
 */
export async function askSlices(
  id: string,
  refs: readonly SlicedRef[],
  states: ReadonlyMap<string, StepState | Known>,
): Promise<SlicedOutputs | Obstacle> {
  const artifacts = ({ step, places }: SlicedRef): OutcomesRef => {
    const { outcomes } = states.get(step) ?? {};
    if (outcomes === undefined) throw new Error(`nobody knows what ${step} has made`);
    return { outcomes, step, ...(places && { places }) };
  };
  const metrics = new Map<string, number[]>();
  for (const ref of refs.filter(({ metric, places }) => metric || places)) {
    const question = { ref: artifacts(ref), ...(ref.metric && { metric: ref.output }) };
    const what = `${id}: what ${ref.step} has made`;
    const answer = await untilDone(
      what,
      patient,
      () => askGathered(id, question),
      () => {},
    );
    const obstacle = obstacleIn(answer);
    if (obstacle !== undefined) return obstacle;
    metrics.set(nameOf(ref), answer.metrics ?? []);
  }
  return { artifacts, metrics: (ref) => metrics.get(nameOf(ref)) ?? [] };
}

/** As of a gather whose instances the workflow knows itself. */
function obstacleIn({ done, fatal, missing }: Gathered): Obstacle | undefined {
  if (missing === undefined || (done > 0 && fatal === 0)) return undefined;
  const end = missing.status === 'failed' ? 'failed' : `was ${missing.status}`;
  return { reason: `needs ${missing.id}, which ${end}`, tolerated: fatal === 0 };
}

function nameOf({ step, output, places }: SlicedRef): string {
  return JSON.stringify([step, output, places]);
}
