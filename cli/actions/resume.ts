import type { WorkflowExecutionStatusName } from '@temporalio/client';
import { findPipeline } from '../../activities/pipelines.ts';
import { planOf } from '../../activities/reuse.ts';
import { paramChanges } from '../../artifacts/explain.ts';
import { openStore } from '../../artifacts/store.ts';
import { F2cError } from '../../errors/failure.ts';
import type { JsonObject } from '../../language/json.ts';
import { watchToEnd } from '../follow.ts';
import { news, type OutputOptions, print } from '../output.ts';
import { readParams } from '../params.ts';
import { describeRun, inputOf, startRun } from '../runs.ts';
import { withSession } from '../session.ts';

interface ResumeOptions extends OutputOptions {
  param?: string[];
  detach?: boolean;
}

export function resume(id: string, options: ResumeOptions): Promise<void> {
  const { param = [], detach = false } = options;
  const changed = readParams(param);
  return withSession({ start: !detach }, async (session) => {
    const { info } = await describeRun(session.client, id);
    refuseUnlessStopped(id, info.status.name);
    const started = await inputOf(session.client, info);
    const memo = info.memo ?? {};
    // The very file that ran, not what its name means today; a run that never compiled has none yet.
    const pipeline = typeof memo.source === 'string' ? `sha256:${memo.source}` : started.pipeline;
    const name = typeof memo.pipeline === 'string' ? memo.pipeline : 'run';
    const input = { pipeline, params: { ...started.params, ...changed } };
    if (Object.keys(changed).length > 0) await checkParams(input, name, session.env);
    const before = (memo.params ?? started.params ?? {}) as JsonObject;
    const changes = paramChanges(before, { ...before, ...changed });
    for (const change of changes) news(change);

    const { workflowId } = await startRun(session.client, { name, input, resumes: { run: id, changes } });
    if (detach) print(options, { run: workflowId, changes }, workflowId);
    else await watchToEnd(workflowId, session, options);
  });
}

function refuseUnlessStopped(id: string, status: WorkflowExecutionStatusName): void {
  if (status !== 'RUNNING' && status !== 'COMPLETED') return;
  const [doing, fix] =
    status === 'RUNNING'
      ? ['is still going on', `\`npx f2c show ${id}\` shows it`]
      : ['is done', '`npx f2c run` starts a new one, with other params if you like'];
  throw new F2cError('F2C_RUN_NOT_RESUMABLE', {
    what: `The run ${id} ${doing}, so there is nothing to resume`,
    fix,
  });
}

/** Says what is wrong with the params of a run before it is started; F2C_PARAMS_INVALID. */
async function checkParams(
  { pipeline, params }: { pipeline: string; params: JsonObject },
  name: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  planOf(await findPipeline(openStore(env), pipeline), params, name);
}
