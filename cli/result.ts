import type { WorkflowHandle } from '@temporalio/client';
import type { RunState } from '../workflows/runTypes.ts';
import { openDisplay } from './display.ts';
import { news, type OutputOptions } from './output.ts';
import type { Session } from './session.ts';
import { columns, duration } from './text.ts';
import { watchRun } from './watch.ts';

/** Shows a run until it has ended, and gives its final state. */
export async function followRun(
  handle: WorkflowHandle,
  session: Session,
  options: OutputOptions,
): Promise<RunState> {
  const display = options.json ? undefined : openDisplay(process.stderr);
  const interrupted = () => {
    display?.end();
    const advice = session.temporary
      ? 'It goes on where it was when the stack is up again: `npx f2c up`.'
      : `It goes on. Stop it with \`npx f2c cancel ${handle.workflowId}\`.`;
    news(`\nNo longer watching ${handle.workflowId}. ${advice}`);
    void session.close().then(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    let state: RunState | undefined;
    for await (const snapshot of watchRun(handle)) {
      state = snapshot.state;
      display?.show(snapshot);
    }
    if (state === undefined) throw new Error('a run was watched without a state');
    return state;
  } finally {
    display?.end();
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
  }
}

/** The result of a run for people: every comparison it made, else every step's metrics; and where to look. */
export async function resultText(run: string, state: RunState, session: Session): Promise<string> {
  const comparisons = await readComparisons(state, session);
  const seconds = duration((state.endedAt ?? Date.now()) - state.startedAt);
  const hits = state.steps.filter((step) => step.cache?.startsWith('hit')).length;
  const total = state.steps.length;
  const look = [
    `npx f2c show ${run}`,
    ...state.steps
      .filter(({ artifact }) => artifact?.kind === 'model')
      .slice(0, 1)
      .map(({ artifact }) => `npx f2c artifact export ${artifact?.key.slice(0, 12)} model/`),
    session.temporary ? 'npx f2c up          # the stack and its web UI, to stay' : `${session.webUi ?? ''}`,
  ];
  return [
    '',
    ...(comparisons.length > 0 ? comparisons : [stepTable(state)]),
    '',
    `${state.status} in ${seconds}: ${total} steps, ${hits} from the store.`,
    '',
    'To look further:',
    ...look.filter((line) => line !== '').map((line) => `  ${line}`),
  ].join('\n');
}

async function readComparisons(state: RunState, { store }: Session): Promise<string[]> {
  const texts: string[] = [];
  for (const { artifact, uses } of state.steps) {
    if (uses !== 'compare' || artifact === undefined) continue;
    const blob = (await store.load(artifact)).files['comparison.md'];
    if (blob !== undefined) texts.push((await store.readBlob(blob)).toString('utf8').trimEnd());
  }
  return texts;
}

/** One row a step instance: what became of it, why, and its metrics. */
export function stepTable(state: RunState): string {
  const rows = state.steps.map((step) => [
    step.id,
    step.status,
    step.startedAt === undefined || step.endedAt === undefined ? '' : duration(step.endedAt - step.startedAt),
    step.attempts > 1 ? `${step.attempts} attempts` : '',
    Object.entries(step.metrics ?? {})
      .map(([name, value]) => `${name} ${Number(value.toPrecision(5))}`)
      .join(', '),
    step.error === undefined ? (step.cache ?? '') : `${step.error.code}: ${step.error.message}`,
  ]);
  return columns([['Step', 'Status', 'Time', '', 'Metrics', 'Why'], ...rows]);
}
