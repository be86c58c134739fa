import { keysOf, withArtifacts } from '../../activities/artifactParams.ts';
import { findPipeline } from '../../activities/pipelines.ts';
import { checkOwnSteps } from '../../activities/registry.ts';
import { planOf } from '../../activities/reuse.ts';
import { usedPipelines } from '../../activities/usedPipelines.ts';
import { openStore } from '../../artifacts/store.ts';
import type { Selection } from '../../language/plan/selection.ts';
import { isFile, pipelineFile } from '../files.ts';
import { watchToEnd } from '../follow.ts';
import { type OutputOptions, print } from '../output.ts';
import { readParams } from '../params.ts';
import { refuseWrong } from '../refusing.ts';
import { startRun } from '../runs.ts';
import { withSession } from '../session.ts';

interface RunOptions extends OutputOptions, Selection {
  param?: string[];
  detach?: boolean;
}

export async function run(pipeline: string, options: RunOptions): Promise<void> {
  await checkOwnSteps();
  const { param = [], detach = false, json = false, ...selection } = options;
  const params = readParams(param);
  const wanted = { params, selection };
  const file = isFile(pipeline) ? await pipelineFile(pipeline) : undefined;
  if (file !== undefined) await refuseWrong(file, wanted);
  await withSession({ start: !detach }, async (session) => {
    const store = openStore(session.env);
    await store.ensureBucket();
    const source = file ?? (await findPipeline(store, pipeline));
    const pipelines = await usedPipelines(store, source);
    const plan = await withArtifacts(store, planOf(source, { ...wanted, pipelines }));
    const { name, pipelines: pinned, artifacts } = plan;
    const { digest } = await store.putBlob(Buffer.from(source.text));
    const input = {
      pipeline: `sha256:${digest}`,
      params: { ...params, ...keysOf(artifacts) },
      ...selection,
      ...(pinned && { pinned }),
    };
    const { workflowId } = await startRun(session.client, { name, input });
    if (detach) print({ json }, { run: workflowId }, workflowId);
    else await watchToEnd(workflowId, session, { json });
  });
}
