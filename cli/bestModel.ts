import { compareStep } from '../activities/compare/contract.ts';
import { ancestor } from '../artifacts/lineage.ts';
import type { ArtifactRef, Manifest } from '../artifacts/manifest.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import type { RunState } from '../workflows/runTypes.ts';

/**
 * The model of a run that people most likely want: the best one that it compared, else the one it made last.
 * None that was not trained; and none where the store does not answer, which must not spoil a result.
 */
export async function bestModel({ steps }: RunState, store: ArtifactStore): Promise<ArtifactRef | undefined> {
  const latestFirst = steps.toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
  const made = latestFirst.flatMap(({ artifact }) => artifact ?? []);
  const comparisons = latestFirst.flatMap(({ uses, artifact }) =>
    uses === compareStep.name && artifact !== undefined ? [artifact] : [],
  );
  try {
    for (const comparison of comparisons) {
      const best = await bestCompared(await store.load(comparison), store);
      if (best !== undefined && (await isTrained(best, store))) return best;
    }
    for (const model of made) {
      if (model.kind === 'model' && (await isTrained(model, store))) return model;
    }
    return undefined;
  } catch (error) {
    if (error instanceof F2cError) return undefined;
    throw error;
  }
}

/** The model behind the best label of a comparison; of several reports with that label, behind the best one. */
async function bestCompared(
  { facts, inputs }: Manifest,
  store: ArtifactStore,
): Promise<ArtifactRef | undefined> {
  const reports = await Promise.all([inputs.reports ?? []].flat().map((ref) => store.load(ref)));
  const by = String(facts.by);
  const sign = by === 'eer' ? -1 : 1;
  const worth = ({ metrics }: Manifest) => sign * (metrics[by] ?? 0);
  const [best] = reports
    .filter((report) => report.facts.label === facts.best)
    .toSorted((a, b) => worth(b) - worth(a));
  return [best?.inputs.model ?? []].flat()[0];
}

async function isTrained(model: ArtifactRef, store: ArtifactStore): Promise<boolean> {
  const { facts } = await ancestor(store, await store.load(model), 'checkpoint');
  return facts.images !== 0;
}
