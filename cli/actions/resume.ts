import type { WorkflowExecutionStatusName } from '@temporalio/client';
import { keysOf, withArtifacts } from '../../activities/artifactParams.ts';
import { forecast } from '../../activities/forecast.ts';
import { findPipeline, type PipelineSource } from '../../activities/pipelines.ts';
import { planOf, type RunInput, readStart } from '../../activities/reuse.ts';
import { type Pinned, usedPipelines } from '../../activities/usedPipelines.ts';
import { paramChanges } from '../../artifacts/explain.ts';
import { type ArtifactStore, openStore } from '../../artifacts/store.ts';
import { F2cError } from '../../errors/failure.ts';
import type { Plan } from '../../language/plan/plan.ts';
import { instancesOfRun } from '../../language/plan/resolve.ts';
import type { Selection } from '../../language/plan/selection.ts';
import type { JsonObject } from '../../language/text/json.ts';
import type { StepState } from '../../workflows/runTypes.ts';
import { watchToEnd } from '../follow.ts';
import { forecastTotals, totalsText, trainingTexts } from '../forecast.ts';
import { news, type OutputOptions, print } from '../output.ts';
import { paramText, readParams } from '../params.ts';
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
    // As with the file: the very versions that it used.
    const pinned = { ...started.pinned, ...(memo.pipelines as Pinned | undefined) };
    // Everything that can be wrong with the new run is said before it is started.
    const store = openStore(session.env);
    const source = await findPipeline(store, pipeline);
    const pipelines = await usedPipelines(store, source, pinned);
    const given = { before: (memo.params ?? {}) as JsonObject, params: started.params, changed };
    const params = await boundParams(store, source, { pipelines, name }, given);
    const wanted = { params, pipelines, name };
    const whole = planOf(source, wanted);
    const steps = await stepsOf(run, whole, started);
    const chosen = merged(selectionLeft(steps, started), selection);
    const told = changedSteps(steps, whole);
    const all = { ...chosen, ...(Object.keys(told).length > 0 && { with: told }) };
    const input = { pipeline, params, ...all, ...(Object.keys(pinned).length > 0 && { pinned }) };
    const plan = await withArtifacts(store, planOf(source, { ...wanted, selection: all }));
    const expected = await forecast(store, plan, new AbortController().signal);
    const cost = { steps: expected, totals: forecastTotals(expected) };
    const before = (memo.params ?? started.params) as JsonObject;
    const changes = [...paramChanges(before, { ...before, ...changed }), ...changedTexts(told)];
    for (const line of [...changes, totalsText(cost.totals), ...trainingTexts(expected)]) news(line);

    const { workflowId } = await startRun(session.client, { name, input, resumes: { run: id, changes } });
    if (detach) print({ json }, { run: workflowId, changes, forecast: cost }, workflowId);
    else await watchToEnd(workflowId, session, { json }, { forecast: cost });
  });
}

/** The params of the new run; for those that name artifacts the very same ones, not what a key means today. */
async function boundParams(
  store: ArtifactStore,
  source: PipelineSource,
  wanted: Pick<Parameters<typeof planOf>[1], 'pipelines' | 'name'>,
  { before, params, changed }: { before: JsonObject; params: JsonObject; changed: JsonObject },
): Promise<JsonObject> {
  const { artifacts = {} } = planOf(source, { params: { ...params, ...changed }, ...wanted });
  const bound = Object.entries(before).filter(([param]) => Object.hasOwn(artifacts, param));
  const asked = { ...params, ...Object.fromEntries(bound), ...changed };
  const plan = await withArtifacts(store, planOf(source, { params: asked, ...wanted }));
  return { ...params, ...changed, ...keysOf(plan.artifacts) };
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

/** The steps of a run, asked only where what became of them matters: that takes a worker. */
async function stepsOf(run: DescribedRun, { steps }: Plan, started: RunInput): Promise<StepState[]> {
  const isChosen = [started.force, started.from, started.with].some((chosen) => chosen !== undefined);
  if (!isChosen && steps.every(({ onFailure }) => onFailure !== 'hold')) return [];
  try {
    return (await queryState(run)).steps;
  } catch (error) {
    if (!(error instanceof F2cError) || error.code !== 'F2C_RUN_STUCK') throw error;
    news(
      'The run cannot be read, so params that were changed in its steps and steps it has forced are not known.',
    );
    return [];
  }
}

/** What a run has still to force, and what it is limited to. What it has made anew already is not made again. */
function selectionLeft(steps: StepState[], { force, from, only }: RunInput): Selection {
  if (force === undefined && from === undefined) return only === undefined ? {} : { only };
  const left = steps.filter(({ forced, status }) => forced && status !== 'done').map(({ id }) => id);
  const same = { ...(force && { force }), ...(from && { from }) };
  return { ...(steps.length === 0 ? same : { force: left }), ...(only && { only }) };
}

/** What people have changed in steps that were held, as far as the new run has those steps. */
function changedSteps(steps: StepState[], plan: Plan): Record<string, JsonObject> {
  const ids = new Set(instancesOfRun(plan).map(({ id }) => id));
  return Object.fromEntries(
    steps.flatMap(({ id, with: changed }) => (changed && ids.has(id) ? [[id, changed]] : [])),
  );
}

/** "train[head=dcp] keeps learningRate=0.02". */
function changedTexts(told: Record<string, JsonObject>): string[] {
  return Object.entries(told).map(
    ([id, changed]) => `${id} keeps ${Object.entries(changed).map(paramText).join(' ')}`,
  );
}

function merged(left: Selection, { force = [], from, only }: Selection): Selection {
  const all = [...(left.force ?? []), ...force];
  return { ...left, ...(all.length > 0 && { force: all }), ...(from && { from }), ...(only && { only }) };
}
