import type { Manifest } from '../artifacts/manifest.ts';
import { F2cError } from '../errors/failure.ts';
import type { RunState, StepState } from '../workflows/runTypes.ts';
import { openDisplay } from './display.ts';
import { news, type OutputOptions } from './output.ts';
import type { Session } from './session.ts';
import { columns, duration, firstLine } from './text.ts';
import { watchRun } from './watch.ts';

/** Shows a run until it has ended, and gives its final state. */
export async function followRun(run: string, session: Session, options: OutputOptions): Promise<RunState> {
  const display = options.json ? undefined : openDisplay(process.stderr);
  const interrupted = () => {
    display?.end();
    const advice = session.temporary
      ? 'It goes on where it was when the stack is up again: `npx f2c up`.'
      : `It goes on. Stop it with \`npx f2c cancel ${run}\`.`;
    news(`\nNo longer watching ${run}. ${advice}`);
    void session.close().then(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    let state: RunState | undefined;
    const away = (why: string) =>
      news(`The run does not answer (${why}); it goes on, and so does this watch.`);
    for await (const snapshot of watchRun(session.client, run, away)) {
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
  const comparisons = await Promise.all(state.steps.map((step) => comparisonOf(step, session)));
  const tables = comparisons.filter((text) => text !== undefined);
  const model = state.steps.find(({ artifact }) => artifact?.kind === 'model')?.artifact;
  const look = [
    session.temporary ? 'npx f2c up          # the stack and its web UI, to stay' : session.webUi,
    `npx f2c show ${run}`,
    model && `npx f2c artifact export ${model.key.slice(0, 12)} model/`,
  ];
  const hits = state.steps.filter((step) => step.cache?.startsWith('hit')).length;
  const time = duration((state.endedAt ?? Date.now()) - state.startedAt);
  return [
    '',
    ...(tables.length > 0 ? tables : [stepTable(state)]),
    '',
    `${state.status} in ${time}: ${state.steps.length} steps, ${hits} from the store.`,
    '',
    'To look further:',
    ...look.filter((line) => line !== undefined).map((line) => `  ${line}`),
  ].join('\n');
}

/** The table that a `compare` step made; what cannot be read must not spoil the result of a run. */
async function comparisonOf({ artifact, uses }: StepState, { store }: Session): Promise<string | undefined> {
  if (uses !== 'compare' || artifact === undefined) return undefined;
  try {
    const { files }: Manifest = await store.load(artifact);
    const blob = files['comparison.md'];
    return blob && (await store.readBlob(blob)).toString('utf8').trimEnd();
  } catch (error) {
    if (!(error instanceof F2cError)) throw error;
    return `The comparison cannot be read. ${error.code}: ${error.message}`;
  }
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
    step.error === undefined ? (step.cache ?? '') : firstLine(`${step.error.code}: ${step.error.message}`),
  ]);
  return columns([['Step', 'Status', 'Time', '', 'Metrics', 'Why'], ...rows]);
}
