import { continueAsNew, getExternalWorkflowHandle, setHandler, workflowInfo } from '@temporalio/workflow';
import type { RunId } from '../activities/tasks.ts';
import type { BlobRef } from '../artifacts/manifest.ts';
import { placesOf } from '../language/plan/coordinates.ts';
import { type Outcome, type Tallies, tallyOf } from '../language/plan/outcomes.ts';
import { type Instance, instancesOf } from '../language/plan/resolve.ts';
import { tellDetails } from './askedDetails.ts';
import { untilDone } from './attempts.ts';
import { keepOutcomes, openSlice, patient } from './control.ts';
import { runDetails } from './details.ts';
import { type Paused, Pauses, pausedSignal } from './pauses.ts';
import { runInstances } from './runInstances.ts';
import type { RunState, StepState } from './runTypes.ts';
import { sliceSignal } from './sliceProgress.ts';
import { Slots } from './slots.ts';
import { stateQuery } from './stateQuery.ts';

/** What starts a slice: names of blobs, whatever its size. */
export interface SliceInput {
  run: RunId;
  plan: BlobRef;
  /** Ids of the steps. */
  steps: string[];
  /** From 0. */
  slice: number;
  outside: BlobRef;
  before: BlobRef[];
  paused: Paused;
  /** What the workflows before this one have come to. */
  soFar: BlobRef[];
  /** How often they have tried what they have left, by instance. */
  tried: Record<string, number>;
}

export interface SliceDone {
  outcomes: BlobRef[];
  tallies: Tallies;
}

/** Events of a history after which a slice goes on as a new workflow, if the server does not ask for it before. */
const mostEvents = 8_000;

/** Outcomes that go to the store at once, as one payload. */
const outcomesAtOnce = 500;

/** How often a slice says how far it is. */
const reports = 10;

/** Runs the instances of one slice of some steps, with the same interpreter as a whole run. */
export async function runSlice(input: SliceInput): Promise<SliceDone> {
  const { run: root, steps, slice } = input;
  const run: RunState = {
    pipeline: steps.join(', '),
    summary: `Slice ${slice + 1} of the run ${root.run}`,
    source: '',
    params: {},
    status: 'running',
    startedAt: Date.now(),
    steps: [],
  };
  tellDetails(() => runDetails(run, workflowInfo().workflowId));
  const pauses = new Pauses(run, () => {});
  let paused = input.paused;
  setHandler(stateQuery, () => run, { description: 'The whole state of the slice' });
  setHandler(pausedSignal, (told) => {
    paused = told;
    pauses.follow(told);
  });

  const { plan, known, ended } = await untilDone(
    'slice',
    patient,
    () => openSlice(input),
    () => {},
  );
  const instances = steps.flatMap((id) => instancesOf(plan, id));
  const before = new Map(ended.map((outcome) => [outcome.id, outcome]));
  run.steps = instances.map((instance) => stateOf(instance, before, input.tried));
  pauses.follow(paused);

  const report = reporter(run, steps, slice);
  report();
  let leaving = false;
  const isLeaving = () => {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    leaving ||= continueAsNewSuggested || historyLength > mostEvents;
    return leaving;
  };
  const scope = {
    ...root,
    plan,
    instances,
    states: new Map([...known, ...run.steps].map((state) => [state.id, state])),
    // Whether there are enough of all instances is for the run to say.
    shortageAt: () => undefined,
  };
  await runInstances(scope, { pauses, slots: new Slots(pauses, report), changed: report, isLeaving });

  const outcomes = [...input.soFar];
  const news = instances.flatMap((instance, index) => {
    const state = run.steps[index];
    return state?.endedAt === undefined || before.has(instance.id) ? [] : [outcomeOf(instance, state)];
  });
  for (let from = 0; from < news.length; from += outcomesAtOnce) {
    outcomes.push(await keep(slice, news.slice(from, from + outcomesAtOnce)));
  }
  const left = run.steps.filter(({ endedAt }) => endedAt === undefined);
  if (left.length > 0) {
    const tried = Object.fromEntries(
      left.flatMap(({ id, attempts }) => (attempts > 0 ? [[id, attempts]] : [])),
    );
    await continueAsNew<typeof runSlice>({ ...input, paused, soFar: outcomes, tried });
  }
  return { outcomes, tallies: talliesOf(run, steps) };
}

function keep(slice: number, outcomes: Outcome[]): Promise<BlobRef> {
  const what = `Slice ${slice + 1}`;
  return untilDone(
    what,
    patient,
    () => keepOutcomes(what, outcomes),
    () => {},
  );
}

function stateOf(
  { id, step }: Instance,
  before: ReadonlyMap<string, Outcome>,
  tried: Record<string, number>,
): StepState {
  const ended = before.get(id);
  const {
    attempts = tried[id] ?? 0,
    status = 'waiting',
    artifact,
    metrics,
    tolerated,
    error,
    cache,
  } = ended ?? {};
  return {
    id,
    uses: step.uses,
    status: status as StepState['status'],
    attempts,
    ...(ended && { endedAt: Date.now() }),
    ...(artifact && { artifact }),
    ...(metrics && { metrics }),
    ...(tolerated && { tolerated }),
    ...(error && { error }),
    ...(cache !== undefined && { cache }),
  };
}

/** What is told of a failure goes to the store, where it must not be of any size. */
const longestMessage = 2_000;

function outcomeOf({ id, step, row }: Instance, state: StepState): Outcome {
  const { status, tolerated, reason, error, cache, attempts, artifact, metrics } = state;
  return {
    id,
    step: step.id,
    places: placesOf(step.axes, row),
    status,
    attempts,
    ...(tolerated && { tolerated }),
    ...(reason !== undefined && { reason }),
    ...(error &&
      status !== 'done' && { error: { ...error, message: error.message.slice(0, longestMessage) } }),
    ...(cache !== undefined && { cache }),
    ...(artifact && { artifact }),
    ...(metrics && { metrics }),
  };
}

function talliesOf(run: RunState, steps: readonly string[]): Tallies {
  return Object.fromEntries(
    steps.map((step) => [
      step,
      tallyOf(run.steps.filter(({ id }) => id === step || id.startsWith(`${step}[`))),
    ]),
  );
}

/** Tells the workflow that has started the slice how far it is, a few times and not at every turn. */
function reporter(run: RunState, steps: readonly string[], slice: number): () => void {
  const { parent } = workflowInfo();
  const every = Math.ceil(run.steps.length / reports);
  let told = Number.NEGATIVE_INFINITY;
  return () => {
    const ended = run.steps.filter(({ endedAt }) => endedAt !== undefined).length;
    // That all have ended is told by the end of the slice.
    if (ended < told + every || ended === run.steps.length) return;
    told = ended;
    if (parent === undefined) return;
    getExternalWorkflowHandle(parent.workflowId)
      .signal(sliceSignal, { slice, tallies: talliesOf(run, steps) })
      .catch(() => {});
  };
}
