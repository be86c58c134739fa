import type { WorkflowExecutionStatusName } from '@temporalio/client';
import { forecast } from '../../activities/forecast.ts';
import { findPipeline } from '../../activities/pipelines.ts';
import { planOf, type RunInput, readStart } from '../../activities/reuse.ts';
import { type Pinned, usedPipelines } from '../../activities/usedPipelines.ts';
import { paramChanges } from '../../artifacts/explain.ts';
import { openStore } from '../../artifacts/store.ts';
import { F2cError } from '../../errors/failure.ts';
import type { JsonObject } from '../../language/json.ts';
import type { Selection } from '../../language/selection.ts';
import { watchToEnd } from '../follow.ts';
import { forecastTotals, totalsText, trainingTexts } from '../forecast.ts';
import { news, type OutputOptions, print } from '../output.ts';
import { readParams } from '../params.ts';
import { type DescribedRun, describeRun, inputOf, startRun } from '../runs.ts';
import { withSession } from '../session.ts';
import { queryState } from '../state.ts';

interface ResumeOptions extends OutputOptions, Selection {
  param?: string[];
  detach?: boolean;
}

export function resume(id: string, options: ResumeOptions): Promise<void> {
  const { param = [], detach = false, json = false, ...selection } = options;
  const changed = readParams(param);
  return withSession({ start: !detach }, async (session) => {
    const run = await describeRun(session.client, id);
    const { info } = run;
    refuseUnlessStopped(id, info.status.name);
    const started = readStart(await inputOf(session.client, info));
    const memo = info.memo ?? {};
    // The very file that ran, not what its name means today; a run that never compiled has none yet.
    const pipeline = typeof memo.source === 'string' ? `sha256:${memo.source}` : started.pipeline;
    const name = typeof memo.pipeline === 'string' ? memo.pipeline : 'run';
    const params = { ...started.params, ...changed };
    const chosen = merged(await selectionLeft(run, started), selection);
    // As with the file: the very versions that it used.
    const pinned = { ...started.pinned, ...(memo.pipelines as Pinned | undefined) };
    const input = { pipeline, params, ...chosen, ...(Object.keys(pinned).length > 0 && { pinned }) };
    // Everything that can be wrong with the new run is said before it is started.
    const store = openStore(session.env);
    const source = await findPipeline(store, pipeline);
    const pipelines = await usedPipelines(store, source, pinned);
    const plan = planOf(source, { params, selection: chosen, pipelines, name });
    const steps = await forecast(store, plan, new AbortController().signal);
    const cost = { steps, totals: forecastTotals(steps) };
    const before = (memo.params ?? started.params) as JsonObject;
    const changes = paramChanges(before, { ...before, ...changed });
    for (const line of [...changes, totalsText(cost.totals), ...trainingTexts(steps)]) news(line);

    const { workflowId } = await startRun(session.client, { name, input, resumes: { run: id, changes } });
    if (detach) print({ json }, { run: workflowId, changes, forecast: cost }, workflowId);
    else await watchToEnd(workflowId, session, { json }, { forecast: cost });
  });
}

function refuseUnlessStopped(id: string, status: WorkflowExecutionStatusName): void {
  if (!['RUNNING', 'PAUSED', 'COMPLETED'].includes(status)) return;
  const [doing, fix] =
    status === 'COMPLETED'
      ? ['is done', '`npx f2c run` starts a new one, with other params if you like']
      : ['is still going on', `\`npx f2c show ${id}\` shows it`];
  throw new F2cError('F2C_RUN_NOT_RESUMABLE', {
    what: `The run ${id} ${doing}, so there is nothing to resume`,
    fix,
  });
}

/** What a run has still to force, and what it is limited to. What it has made anew already is not made again. */
async function selectionLeft(run: DescribedRun, { force, from, only }: RunInput): Promise<Selection> {
  if (force === undefined && from === undefined) return only === undefined ? {} : { only };
  const { steps } = await queryState(run);
  const left = steps.filter(({ forced, status }) => forced && status !== 'done').map(({ id }) => id);
  const same = { ...(force && { force }), ...(from && { from }) };
  return { ...(steps.length === 0 ? same : { force: left }), ...(only && { only }) };
}

function merged(left: Selection, { force = [], from, only }: Selection): Selection {
  const all = [...(left.force ?? []), ...force];
  return { ...left, ...(all.length > 0 && { force: all }), ...(from && { from }), ...(only && { only }) };
}
