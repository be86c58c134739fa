import {
  defineSignal,
  setHandler,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { RunInput } from '../activities/reuse.ts';
import { countOf } from '../language/plan/coordinates.ts';
import { emptyTally } from '../language/plan/outcomes.ts';
import type { Plan } from '../language/plan/plan.ts';
import { instancesOfRun } from '../language/plan/resolve.ts';
import { thenAlways } from './always.ts';
import { Answers } from './answers.ts';
import { tellDetails } from './askedDetails.ts';
import { untilDone } from './attempts.ts';
import { endAttributes, pipelineAttribute, stateAttribute } from './attributes.ts';
import { compilePipeline, patient } from './control.ts';
import { runDetails } from './details.ts';
import { endingOf } from './ending.ts';
import { PauseRequests } from './pauseRequests.ts';
import { Pauses } from './pauses.ts';
import { outputsAt } from './runInstances.ts';
import { planRunner } from './runPlan.ts';
import type { RunResult, RunState, StepFailure } from './runTypes.ts';
import { stateQuery } from './stateQuery.ts';
import { inTurn } from './turns.ts';
import { waits } from './waiting.ts';

/** Sent when the work of a step begins that had to wait for somebody to start a worker. */
const begunSignal = defineSignal<[string]>('begun');

/** Interprets a pipeline: every step instance runs as soon as the instances it needs are done. */
export async function runPipeline(input: RunInput): Promise<RunResult> {
  const run: RunState = {
    pipeline: '',
    summary: '',
    source: '',
    params: {},
    status: 'compiling',
    startedAt: Date.now(),
    steps: [],
  };
  const changed = () => showStatus(run);
  tellDetails(() => runDetails(run, workflowInfo().workflowId));
  const answers = new Answers(run, changed);
  const pauses = new Pauses(run, changed);
  new PauseRequests(run, pauses);
  setHandler(stateQuery, () => run, { description: 'The whole state of the run' });
  setHandler(begunSignal, (id) => {
    for (const step of run.steps) if (step.id === id) delete step.atQueue;
    changed();
  });

  try {
    const compiling = (failure: StepFailure) => {
      run.error = failure;
      changed();
    };
    const plan = await untilDone('compile', patient, () => compilePipeline(input), compiling);
    begin(run, plan);
    changed();
    const runner = planRunner(plan, run, { answers, pauses, changed });
    const work = () => inTurn(plan, run, changed, runner.run);
    await thenAlways(plan, run, changed, work, runner.runAlways);
    run.status = 'done';
    return resultOf(plan, run);
  } catch (error) {
    const { status, failure, error: told } = endingOf(error);
    run.status = status;
    if (told !== undefined) run.error = told;
    throw failure;
  } finally {
    run.endedAt = Date.now();
    delete run.paused;
    upsertSearchAttributes(endAttributes(run));
    changed();
  }
}

/** Tells those who list runs that one waits for a person or its turn, or is paused. */
function showStatus(run: RunState): void {
  if (!['running', 'queued', 'paused', 'held'].includes(run.status)) return;
  const status = statusOf(run);
  if (status === run.status) return;
  run.status = status;
  upsertSearchAttributes([{ key: stateAttribute, value: status }]);
}

/** A paused run does nothing about an answer; one with a paused step does. */
function statusOf({ paused, waitsFor, steps }: RunState): 'running' | 'queued' | 'paused' | 'held' {
  if (paused !== undefined) return 'paused';
  if (waitsFor !== undefined) return 'queued';
  if (steps.some(waits)) return 'held';
  return steps.some((step) => step.paused !== undefined) ? 'paused' : 'running';
}

function begin(run: RunState, plan: Plan): void {
  run.pipeline = plan.name;
  run.summary = plan.summary;
  run.source = plan.source;
  run.params = plan.params;
  if (plan.pipelines !== undefined) run.pipelines = plan.pipelines;
  run.status = 'running';
  delete run.error;
  run.steps = instancesOfRun(plan).map(({ id, step }) => ({
    id,
    uses: step.uses,
    status: 'waiting',
    ...(plan.force?.includes(id) && { forced: true }),
    ...(plan.with?.[id] && { with: plan.with[id] }),
    ...(step.always && { always: true as const }),
    attempts: 0,
    ...(step.fanOut && { tally: emptyTally(countOf(step)) }),
  }));
  upsertSearchAttributes([
    { key: pipelineAttribute, value: plan.name },
    { key: stateAttribute, value: run.status },
  ]);
  const { name: pipeline, source, params, pipelines } = plan;
  upsertMemo({ pipeline, source, params, ...(pipelines && { pipelines }) });
}

function resultOf(plan: Plan, run: RunState): RunResult {
  const done = run.steps.flatMap((state) => {
    const outputs = outputsAt(state);
    return outputs === undefined ? [] : [[state.id, outputs] as const];
  });
  const sliced = run.steps.flatMap(({ id, tally, outcomes }) =>
    tally === undefined || outcomes === undefined ? [] : [[id, { tally, outcomes }] as const],
  );
  const failed = run.steps.flatMap(({ id, status, error }) =>
    status === 'failed' && error ? [[id, error] as const] : [],
  );
  return {
    pipeline: plan.name,
    source: plan.source,
    steps: Object.fromEntries(done),
    ...(sliced.length > 0 && { sliced: Object.fromEntries(sliced) }),
    ...(failed.length > 0 && { failed: Object.fromEntries(failed) }),
  };
}
