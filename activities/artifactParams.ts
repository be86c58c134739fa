import { missingBlobs } from '../artifacts/lookup.ts';
import type { ArtifactRef, Manifest } from '../artifacts/manifest.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import { withArticle } from '../language/contract/step.ts';
import type { Plan } from '../language/plan/plan.ts';
import type { JsonObject } from '../language/text/json.ts';
import { paramsError } from '../language/text/problems.ts';

/** What the store says that is the fault of who named the artifact. */
const wrongKeys = ['F2C_ARTIFACT_UNKNOWN', 'F2C_BLOB_CORRUPT'];

/**
 * The plan with the artifacts that its params name, by their whole keys and digests: the run is about those, whatever
 * is made later. F2C_PARAMS_INVALID.
 */
export async function withArtifacts(store: ArtifactStore, plan: Plan): Promise<Plan> {
  if (plan.artifacts === undefined) return plan;
  const artifacts: Record<string, ArtifactRef> = {};
  for (const [param, given] of Object.entries(plan.artifacts)) {
    const found = await find(store, given);
    if ('fault' in found) throw paramsError([{ param, message: `\`${param}\`: ${found.fault}` }], plan.name);
    const { kind, key, digest } = found;
    artifacts[param] = { kind, key, digest };
  }
  return { ...plan, artifacts, params: { ...plan.params, ...keysOf(artifacts) } };
}

/** The params of a plan that name artifacts, by their whole keys. */
export function keysOf(artifacts: Record<string, ArtifactRef> = {}): JsonObject {
  return Object.fromEntries(Object.entries(artifacts).map(([param, { key }]) => [param, key]));
}

async function find(store: ArtifactStore, { kind, key }: ArtifactRef): Promise<Manifest | { fault: string }> {
  try {
    const manifest = await store.resolve(undefined, key);
    const named = `${key} is ${withArticle(manifest.kind)}`;
    if (manifest.kind !== kind) return { fault: `${named}, not ${withArticle(kind)}` };
    const gone = await missingBlobs(store, manifest);
    return gone.length === 0
      ? manifest
      : { fault: `${named} that is damaged: its files are gone from the store` };
  } catch (error) {
    if (error instanceof F2cError && wrongKeys.includes(error.code))
      return { fault: error.message.replace(/\.$/, '') };
    throw error;
  }
}
