import type { PipelineSource } from '../activities/pipelines.ts';
import { planOf, readSource } from '../activities/reuse.ts';
import { uncheckedIn, usedShipped } from '../activities/usedPipelines.ts';
import type { Selection } from '../language/plan/selection.ts';
import type { JsonObject } from '../language/text/json.ts';

/**
 * Says what is wrong with a file or its params before any server is asked; what depends on pipelines that the file
 * uses and that do not ship must wait for the store.
 */
export async function refuseWrong(
  file: PipelineSource,
  wanted: { params: JsonObject; selection: Selection },
): Promise<void> {
  const pipelines = await usedShipped(file);
  if (uncheckedIn(pipelines).length > 0) readSource(file, pipelines);
  else planOf(file, { ...wanted, pipelines });
}
