import { rounded } from '../artifacts/rounded.ts';
import type { RunState, StepState } from '../workflows/runTypes.ts';
import { elsewhereText } from '../workflows/waiting.ts';
import { columns, duration } from './text.ts';

/** One row a step instance: what became of it, its metrics, and why it was run, reused or failed. */
export function stepTable(state: RunState): string {
  const rows = state.steps.map((step) => [
    step.id,
    step.status,
    step.startedAt === undefined || step.endedAt === undefined ? '' : duration(step.endedAt - step.startedAt),
    step.attempts > 0 ? String(step.attempts) : '',
    Object.entries(step.metrics ?? {})
      .map(([name, value]) => `${name} ${rounded(value)}`)
      .join(', '),
    // The run's own failure says it in full.
    whyOf(step),
  ]);
  return columns([['Step', 'Status', 'Time', 'Attempts', 'Metrics', 'Why'], ...rows]);
}

function whyOf(step: StepState): string {
  if (step.waitsFor !== undefined) return elsewhereText(step);
  const { status, error, reason, tolerated, cache } = step;
  const goesOn = status === 'failed' && tolerated ? ' (the run goes on without it)' : '';
  return reason ?? (error === undefined ? (cache ?? '') : `${error.code}${goesOn}`);
}

/** "13 done; 2 from the store", "1 done, 1 failed, 4 skipped; 0 from the store". */
export function stepCounts({ steps }: RunState): string {
  const counts = new Map<string, number>();
  for (const { status } of steps) counts.set(status, (counts.get(status) ?? 0) + 1);
  const hits = steps.filter(({ cache }) => cache?.startsWith('hit')).length;
  return `${[...counts].map(([status, count]) => `${count} ${status}`).join(', ')}; ${hits} from the store`;
}

/** What has failed in a run that goes on, or went on without it. */
export function failuresOf({ steps }: RunState): string[] {
  return steps.flatMap(({ id, status, error, tolerated }) => {
    if (error === undefined) return [];
    const goesOn = status === 'failed' && tolerated ? ', and the run goes on without it' : '';
    return [`\n${id} ${status}${goesOn}: ${error.message}`];
  });
}
