import {
  ChildWorkflowCancellationType,
  type ChildWorkflowHandle,
  continueAsNew,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { BlobRef } from '../artifacts/manifest.ts';
import { endedOf, sumOf, type Tallies } from '../language/plan/outcomes.ts';
import { untilDone } from './attempts.ts';
import { keepSlices, patient } from './control.ts';
import { pausedSignal } from './pauses.ts';
import type { runSlice, SliceInput } from './runSlice.ts';
import { fanOutSignal, sliceSignal } from './sliceProgress.ts';

/** What starts the slices of some steps. */
export interface FanOutInput extends Omit<SliceInput, 'slice' | 'soFar' | 'tried'> {
  /** Name under which the run is told how far they are. */
  unit: string;
  slices: number;
  /** Instances of each step. */
  totals: Record<string, number>;
  /** Slices at a time. */
  window: number;
  /** What the slices have come to that have ended, the first ones. */
  done: BlobRef[][];
  tallies: Tallies;
}

export interface FanOutDone {
  outcomes: BlobRef;
  tallies: Tallies;
}

/** Slices that are started before the workflow goes on as a new one: each takes some dozens of events. */
const slicesOfExecution = 8;

/** Share of all instances that have to have ended before the run is told again. */
const reportedShare = 0.02;

/** Runs some steps slice by slice, a few at a time. */
export async function runFanOut(input: FanOutInput): Promise<FanOutDone> {
  const { run, plan, steps, outside, before, unit, slices } = input;
  const done = [...input.done];
  const running = new Map<number, { tallies: Tallies; handle?: ChildWorkflowHandle<typeof runSlice> }>();
  let { paused, tallies } = input;
  const first = done.length;
  const end = Math.min(slices, first + slicesOfExecution);
  const tell = reporter(input);

  setHandler(pausedSignal, (told) => {
    paused = told;
    for (const { handle } of running.values()) handle?.signal(pausedSignal, told).catch(() => {});
  });
  setHandler(sliceSignal, ({ slice, tallies: latest }) => {
    const known = running.get(slice);
    if (known === undefined) return;
    known.tallies = latest;
    tell(sum(input, [tallies, ...[...running.values()].map((each) => each.tallies)]));
  });

  let next = first;
  let failed = false;
  const runNext = async () => {
    while (next < end && !failed) {
      const slice = next++;
      const entry: { tallies: Tallies; handle?: ChildWorkflowHandle<typeof runSlice> } = { tallies: {} };
      running.set(slice, entry);
      try {
        const told = paused;
        const handle = await startChild<typeof runSlice>('runSlice', {
          workflowId: `${workflowInfo().workflowId}:${slice + 1}`,
          args: [{ run, plan, steps, outside, before, slice, paused: told, soFar: [], tried: {} }],
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
          staticSummary: `Slice ${slice + 1} of ${slices}: ${steps.join(', ')}`,
        });
        entry.handle = handle;
        // It was started while somebody paused or continued the run.
        if (paused !== told) handle.signal(pausedSignal, paused).catch(() => {});
        const ended = await handle.result();
        done[slice] = ended.outcomes;
        tallies = sum(input, [tallies, ended.tallies]);
      } catch (error) {
        failed = true;
        throw error;
      } finally {
        running.delete(slice);
      }
      tell(sum(input, [tallies, ...[...running.values()].map((each) => each.tallies)]));
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: input.window }, runNext));
  for (const each of ends) if (each.status === 'rejected') throw each.reason;

  if (end < slices) await continueAsNew<typeof runFanOut>({ ...input, paused, done, tallies });
  const outcomes = await untilDone(
    unit,
    patient,
    () => keepSlices(unit, done),
    () => {},
  );
  return { outcomes, tallies };
}

function sum({ totals }: FanOutInput, parts: readonly Tallies[]): Tallies {
  return Object.fromEntries(
    Object.entries(totals).map(([step, total]) => [
      step,
      sumOf(
        total,
        parts.flatMap((part) => part[step] ?? []),
      ),
    ]),
  );
}

/** Tells the run how far the steps are, so seldom that its history stays short, whatever their number. */
function reporter({ unit, totals, tallies }: FanOutInput): (latest: Tallies) => void {
  const { parent } = workflowInfo();
  const all = Object.values(totals).reduce((total, each) => total + each, 0);
  const count = (latest: Tallies, of: 'ended' | 'failed') =>
    Object.values(latest).reduce(
      (total, tally) => total + (of === 'failed' ? tally.failed : endedOf(tally)),
      0,
    );
  let ended = Object.keys(tallies).length === 0 ? Number.NEGATIVE_INFINITY : count(tallies, 'ended');
  let failed = count(tallies, 'failed');
  return (latest) => {
    const now = count(latest, 'ended');
    const isFirstFailure = failed === 0 && count(latest, 'failed') > 0;
    if (now < ended + all * reportedShare && !isFirstFailure) return;
    ended = now;
    failed = count(latest, 'failed');
    if (parent === undefined) return;
    getExternalWorkflowHandle(parent.workflowId)
      .signal(fanOutSignal, { unit, tallies: latest })
      .catch(() => {});
  };
}
