import { rounded } from '../artifacts/rounded.ts';
import type { RunState } from '../workflows/runTypes.ts';
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
    step.error?.code ?? step.cache ?? '',
  ]);
  return columns([['Step', 'Status', 'Time', 'Attempts', 'Metrics', 'Why'], ...rows]);
}

/** "13 done; 2 from the store", "1 done, 1 failed, 4 skipped; 0 from the store". */
export function stepCounts({ steps }: RunState): string {
  const counts = new Map<string, number>();
  for (const { status } of steps) counts.set(status, (counts.get(status) ?? 0) + 1);
  const hits = steps.filter(({ cache }) => cache?.startsWith('hit')).length;
  return `${[...counts].map(([status, count]) => `${count} ${status}`).join(', ')}; ${hits} from the store`;
}
