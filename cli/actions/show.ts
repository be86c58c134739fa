import { appliedVersions } from '../../activities/applied.ts';
import { trainStep } from '../../activities/train/contract.ts';
import { type ArtifactStore, openStore } from '../../artifacts/store.ts';
import { readTraining } from '../../artifacts/trainings.ts';
import { F2cError } from '../../errors/failure.ts';
import type { RunState, StepState } from '../../workflows/runTypes.ts';
import { pausesOf, queueText, waysToAnswer } from '../../workflows/waiting.ts';
import { withQueues } from '../atQueue.ts';
import { type OutputOptions, print } from '../output.ts';
import { paramText } from '../params.ts';
import { describeRun } from '../runs.ts';
import { pageOf, queuesOf, withSession } from '../session.ts';
import { queryState } from '../state.ts';
import { answersTable, failuresOf, queueTexts, stepTable } from '../table.ts';
import { columns } from '../text.ts';

export function show(id: string, options: OutputOptions): Promise<void> {
  return withSession({ start: false }, async (session) => {
    const run = await describeRun(session.client, id);
    const { memo, startTime } = run.info;
    const resumedFrom = memo?.resumedFrom ?? null;
    const changes = (memo?.changes ?? []) as string[];
    const state = await withQueues(await queryState(run), run.info, queuesOf(session));
    const told = answersTable(state);
    const page = pageOf(id, session);
    const store = openStore(session.env);
    const steps = await withTrainings(state.steps, store);
    const artifacts = steps.flatMap(({ id: step, artifact }) =>
      artifact === undefined
        ? []
        : [[step, artifact.kind, artifact.key.slice(0, 12), artifact.digest.slice(0, 12)]],
    );
    const text = [
      `${id}: ${state.summary}`,
      `Pipeline   ${state.pipeline}  (source ${state.source.slice(0, 12)})`,
      ...(await usesTexts(state, store)),
      `Params     ${Object.entries(state.params).map(paramText).join('  ')}`,
      `Status     ${state.status}${state.ending === undefined ? '' : `, ends as ${state.ending}`}${queueText(state).replace(/^(?=.)/, '  ')}${state.error === undefined ? '' : `  ${state.error.code}: ${state.error.message}`}`,
      `Started    ${startTime.toISOString().slice(0, 19).replace('T', ' ')} UTC`,
      ...(resumedFrom === null ? [] : [`Resumes    ${[resumedFrom, ...changes].join(', ')}`]),
      ...(page === undefined ? [] : [`Web UI     ${page}`]),
      '',
      stepTable(state),
      ...wentOnTexts(steps),
      ...(told === '' ? [] : ['', told]),
      // What ended the run is told in its status.
      ...(state.error === undefined ? failuresOf(state) : []),
      ...pausesOf(state, id).map(({ what, told, command }) => `\n${what}${told}; go on with \`${command}\``),
      ...queueTexts(state),
      ...state.steps.flatMap((step) => {
        const ways = waysToAnswer(step, id);
        return ways === undefined ? [] : [`\n${step.id} waits for an answer: ${ways}`];
      }),
      ...(artifacts.length === 0
        ? []
        : ['', columns([['Made by', 'Artifact', 'Key', 'Digest'], ...artifacts])]),
    ].join('\n');
    print(options, { run: id, ...state, steps, resumedFrom, changes }, text);
  });
}

/** The very versions of the pipelines that the run uses. */
async function usesTexts({ pipelines = {} }: RunState, store: ArtifactStore): Promise<string[]> {
  const used = await Promise.all(
    Object.entries(pipelines).map(async ([name, digest]) => {
      const version = /[@:]/.test(name) ? undefined : await versionOf(name, digest, store);
      return `${name}${version === undefined ? '' : `@${version}`} (source ${digest.slice(0, 12)})`;
    }),
  );
  return used.length === 0 ? [] : [`Uses       ${used.join('  ')}`];
}

/** Undefined of a pipeline that ships, and where the store is away. */
async function versionOf(name: string, digest: string, store: ArtifactStore): Promise<number | undefined> {
  try {
    const versions = await appliedVersions(store, name);
    return versions.findLast((version) => version.digest === digest)?.version;
  } catch (error) {
    if (error instanceof F2cError) return undefined;
    throw error;
  }
}

interface ShownStep extends StepState {
  /** Training steps at which later attempts went on, over all runs of the same training. */
  wentOn?: number[];
}

/** What trainings have been through, from the store; a store that is away must not hide the rest. */
function withTrainings(steps: StepState[], store: ArtifactStore): Promise<ShownStep[]> {
  return Promise.all(
    steps.map(async (step) => {
      if (step.key === undefined || step.uses !== trainStep.name) return step;
      try {
        const { wentOn } = (await readTraining(store, step.key)) ?? {};
        return wentOn === undefined ? step : { ...step, wentOn };
      } catch (error) {
        if (error instanceof F2cError) return step;
        throw error;
      }
    }),
  );
}

function wentOnTexts(steps: ShownStep[]): string[] {
  const told = steps.flatMap(({ id, wentOn }) =>
    wentOn === undefined ? [] : [`${id} went on at training step ${wentOn.join(', ')}`],
  );
  return told.length === 0 ? [] : ['', ...told];
}
