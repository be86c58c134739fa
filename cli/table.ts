import { rounded } from '../artifacts/rounded.ts';
import { emptyTally } from '../language/plan/outcomes.ts';
import { failureText } from '../workflows/failureText.ts';
import type { RunState, StepState } from '../workflows/runTypes.ts';
import { failuresIn, tallyText } from '../workflows/tallyText.ts';
import { timesOf } from '../workflows/times.ts';
import { elsewhereText, workerText } from '../workflows/waiting.ts';
import { columns, duration } from './text.ts';

/** One row a step instance: what became of it, its metrics, and why it was run, reused or failed. */
export function stepTable(state: RunState, now = Date.now()): string {
  const rows = state.steps.map((step) => [
    step.id,
    step.status,
    ...timeCells(step, state.endedAt ?? now),
    step.attempts > 0 ? String(step.attempts) : '',
    Object.entries(step.metrics ?? {})
      .map(([name, value]) => `${name} ${rounded(value)}`)
      .join(', '),
    // The run's own failure says it in full.
    whyOf(step),
  ]);
  return columns([['Step', 'Status', 'Time', 'Waited', 'Attempts', 'Metrics', 'Why'], ...rows]);
}

/** How long a step has worked and waited; a worker with a free hand is not worth a word. */
function timeCells(step: StepState, now: number): [string, string] {
  const times = timesOf(step, now);
  if (times === undefined || step.status === 'skipped') return ['', ''];
  // What no worker has taken yet has done nothing but look into the store.
  const work = step.atQueue !== undefined && step.attempts <= 1 ? '' : duration(times.workMs);
  return [work, times.waitedMs < 1_000 ? '' : duration(times.waitedMs)];
}

function whyOf(step: StepState): string {
  if (step.waitsFor !== undefined) return elsewhereText(step);
  const { status, reason, tolerated, cache, tally } = step;
  const goesOn = status === 'failed' && tolerated ? ' (the run goes on without it)' : '';
  const failure = failureText(step, ({ code }) => `${code}${goesOn}`) || undefined;
  // A failure that the step has got over, or may get over, says nothing of why it runs.
  const counts = tally && tallyText(tally);
  const whys = status === 'failed' ? [failure, counts, cache] : [counts, cache, failure];
  return reason ?? whys.filter((why) => why !== undefined).join('; ');
}

/** What people have told a run and its steps, one row each; empty if nobody has. */
export function answersTable({ answers, steps }: RunState): string {
  const told = [{ id: 'the run', answers }, ...steps].flatMap(({ id, answers = [] }) =>
    answers.map((answer) => ({ id, ...answer })),
  );
  if (told.length === 0) return '';
  const rows = told
    .sort((a, b) => a.at - b.at)
    .map(({ id, action, at, who = '', note = '', changes = [] }) => [
      id,
      [action, ...changes].join(', '),
      new Date(at).toISOString().slice(0, 19).replace('T', ' '),
      who,
      note,
    ]);
  return columns([['Told', 'Answer', 'At (UTC)', 'By', 'Note'], ...rows]);
}

/** "13 done; 2 from the store", "1 done, 1 failed, 4 skipped; 0 from the store". */
export function stepCounts({ steps }: RunState): string {
  const counts = new Map<string, number>();
  let hits = 0;
  for (const { status, cache, tally } of steps) {
    const { total, done, failed, skipped, running, queued = 0, reused } = tally ?? emptyTally(0);
    const left = total - done - failed - skipped - running - queued;
    const own =
      tally === undefined ? { [status]: 1 } : { done, failed, skipped, running, queued, waiting: left };
    for (const [each, count] of Object.entries(own)) {
      if (count > 0) counts.set(each, (counts.get(each) ?? 0) + count);
    }
    hits += reused + (cache?.startsWith('hit') ? 1 : 0);
  }
  return `${[...counts].map(([status, count]) => `${count} ${status}`).join(', ')}; ${hits} from the store`;
}

/** What steps wait for a worker, one line a queue: "train[head=dcp] (and 3 more) waits …". */
export function queueTexts({ steps }: RunState): string[] {
  const waiting = steps.flatMap(({ id, atQueue }) => (atQueue === undefined ? [] : [{ id, ...atQueue }]));
  return waiting.flatMap((first) => {
    const together = waiting.filter(({ queue, served }) => queue === first.queue && served === first.served);
    if (together[0] !== first) return [];
    const since = Math.min(...together.map((other) => other.since));
    const more = together.length === 1 ? '' : ` (and ${together.length - 1} more)`;
    return [`\n${first.id}${more} ${workerText({ ...first, since })}`];
  });
}

/** What has failed in a run that goes on, or went on without it. */
export function failuresOf({ steps }: RunState): string[] {
  return steps.flatMap((step) => {
    const { id, status, tolerated } = step;
    const first = failuresIn(step);
    if (first.length > 0) return [`\nOf ${id} failed first:\n${first.join('\n')}`];
    const failure = failureText(step, ({ message }) => message);
    if (failure === '') return [];
    const goesOn = status === 'failed' && tolerated ? ', and the run goes on without it' : '';
    return [`\n${id} ${status}${goesOn}: ${failure}`];
  });
}
