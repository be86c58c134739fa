import type { Manifest } from '../artifacts/manifest.ts';
import { openStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import type { RunState, StepState } from '../workflows/runTypes.ts';
import { bestModel } from './bestModel.ts';
import { openDisplay } from './display.ts';
import { news, type OutputOptions, print } from './output.ts';
import { pageOf, type Session } from './session.ts';
import { failuresOf, stepCounts, stepTable } from './table.ts';
import { duration } from './text.ts';
import { watchRun } from './watch.ts';

/** Shows a run until it has ended and prints its result, as JSON with `more`; a failed run fails the command. */
export async function watchToEnd(
  run: string,
  session: Session,
  options: OutputOptions,
  more: object = {},
): Promise<void> {
  const page = pageOf(run, session);
  news(`Run ${run}${page === undefined ? '' : `  ${page}`}`);
  const state = await follow(run, session, options);
  print(options, { run, ...state, ...more }, options.json ? '' : await resultText(run, state, session));
  if (state.status === 'done') return;
  throw endedWithout(run, state);
}

/** Why a command fails that has watched a run which is not done; F2C_RUN_FAILED, F2C_RUN_CANCELLED, F2C_RUN_TERMINATED. */
function endedWithout(run: string, { status, error, params }: RunState): F2cError {
  const goOn = `\`npx f2c resume ${run}\` goes on where it was`;
  if (status === 'cancelled') {
    return new F2cError('F2C_RUN_CANCELLED', { what: `The run ${run} was cancelled`, fix: goOn });
  }
  if (status === 'terminated') {
    return new F2cError('F2C_RUN_TERMINATED', {
      what: `The run ${run} was ended in Temporal (terminated or timed out), without being asked`,
      fix: goOn,
    });
  }
  const change = Object.keys(params).length > 0 ? '; `--param name=value` changes a param' : '';
  return new F2cError('F2C_RUN_FAILED', {
    what: error?.message ?? 'The run failed',
    where: error === undefined || error.code === 'F2C_RUN_FAILED' ? undefined : error.code,
    fix: `Mend the cause and go on with \`npx f2c resume ${run}\`${change}; it takes the pipeline's file as it was, so a changed file needs a new \`npx f2c run FILE\``,
  });
}

/** Shows a run until it has ended, and gives its final state. */
async function follow(run: string, session: Session, options: OutputOptions): Promise<RunState> {
  const display = options.json ? undefined : openDisplay(process.stderr);
  const interrupted = () => {
    display?.end();
    const advice =
      session.fate() === 'stay'
        ? `It goes on. Watch it again with \`npx f2c watch ${run}\`, or stop it with \`npx f2c cancel ${run}\`.`
        : `It goes on where it was whenever the stack is up: \`npx f2c up\`, then \`npx f2c watch ${run}\`.`;
    news(`\nNo longer watching ${run}. ${advice}`);
    // A stack that was started for this command ends by itself when the command has ended.
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    let state: RunState | undefined;
    const away = (why: string) =>
      news(`The run does not answer (${why}); it goes on, and so does this watch.`);
    for await (const snapshot of watchRun(session, run, away)) {
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
async function resultText(run: string, state: RunState, session: Session): Promise<string> {
  const comparisons = await Promise.all(state.steps.map((step) => comparisonOf(step, session)));
  const tables = comparisons.filter((text) => text !== undefined);
  const model = await bestModel(state, openStore(session.env));
  const look = [
    session.fate() === 'stay' ? undefined : 'npx f2c up          # the stack and its web UI, to stay',
    pageOf(run, session),
    `npx f2c show ${run}`,
    model && `npx f2c artifact export ${model.key.slice(0, 12)} model/`,
  ];
  const time = duration((state.endedAt ?? Date.now()) - state.startedAt);
  const counts = state.steps.length === 0 ? '' : `: ${stepCounts(state)}`;
  return [
    '',
    ...(tables.length > 0 ? tables : [stepTable(state)]),
    ...(state.status === 'done' ? failuresOf(state) : []),
    '',
    `${state.status} in ${time}${counts}.`,
    '',
    'To look further:',
    ...look.filter((line) => line !== undefined).map((line) => `  ${line}`),
  ].join('\n');
}

/** The table that a `compare` step made; what cannot be read must not spoil the result of a run. */
async function comparisonOf({ artifact, uses }: StepState, { env }: Session): Promise<string | undefined> {
  if (uses !== 'compare' || artifact === undefined) return undefined;
  try {
    const store = openStore(env);
    const { files }: Manifest = await store.load(artifact);
    const blob = files['comparison.md'];
    return blob && (await store.readBlob(blob)).toString('utf8').trimEnd();
  } catch (error) {
    if (!(error instanceof F2cError)) throw error;
    return `The comparison cannot be read. ${error.code}: ${error.message}`;
  }
}
