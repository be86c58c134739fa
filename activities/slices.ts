import type { BlobRef } from '../artifacts/manifest.ts';
import { outcomesOfSlice, readKept, slicesOf } from '../artifacts/outcomes.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { type SliceName, slicePlan } from '../language/plan/fanOut.ts';
import type { Known, Outcome } from '../language/plan/outcomes.ts';
import type { Plan } from '../language/plan/plan.ts';
import { instancesOf, needsOf } from '../language/plan/resolve.ts';

/** The plan as it is stored, for activities that have to know more of it than fits into what they are asked. */
export async function storedPlan(store: ArtifactStore, plan: Plan): Promise<Plan> {
  const stored = await store.putBlob(Buffer.from(JSON.stringify(plan)));
  return { ...plan, stored, lookAhead: true };
}

export interface SliceToOpen extends SliceName {
  plan: BlobRef;
  /** What became of the instances of other steps. */
  outside: BlobRef;
  /** Where the same slice of earlier groups of its family has left what became of it. */
  before: BlobRef[];
  /** What has ended in this slice already. */
  soFar: BlobRef[];
}

export interface OpenedSlice {
  plan: Plan;
  /** What the slice needs of others. */
  known: Known[];
  /** What has ended in it already. */
  ended: Outcome[];
}

/** What a slice has to do, and what it has to know of the rest of the run. */
export async function openSlice(
  store: ArtifactStore,
  { plan: stored, outside, before, soFar, ...name }: SliceToOpen,
): Promise<OpenedSlice> {
  const whole = await readKept<Plan>(store, stored);
  const part = slicePlan(whole, name);
  const own = name.steps.flatMap((id) => instancesOf(part, id));
  const needed = new Set(own.flatMap((instance) => needsOf(part, instance).flatMap(({ ids }) => ids)));
  const earlier = await Promise.all(
    before.map(async (blob) => outcomesOfSlice(store, (await slicesOf(store, blob))[name.slice] ?? [])),
  );
  const known = [...(await outcomesOfSlice<Known>(store, [outside])), ...earlier.flat()];
  const force = whole.force?.filter((id) => name.steps.includes(id));
  return {
    plan: { ...part, ...(force && { force }) },
    known: known.filter(({ id }) => needed.has(id)),
    ended: await outcomesOfSlice(store, soFar),
  };
}
