import { waysToAnswer } from '../../workflows/waiting.ts';
import { type OutputOptions, print } from '../output.ts';
import { paramText } from '../params.ts';
import { describeRun } from '../runs.ts';
import { pageOf, withSession } from '../session.ts';
import { queryState } from '../state.ts';
import { failuresOf, stepTable } from '../table.ts';
import { columns } from '../text.ts';

export function show(id: string, options: OutputOptions): Promise<void> {
  return withSession({ start: false }, async (session) => {
    const run = await describeRun(session.client, id);
    const { memo, startTime } = run.info;
    const resumedFrom = memo?.resumedFrom ?? null;
    const changes = (memo?.changes ?? []) as string[];
    const state = await queryState(run);
    const page = pageOf(id, session);
    const artifacts = state.steps.flatMap(({ id: step, artifact }) =>
      artifact === undefined
        ? []
        : [[step, artifact.kind, artifact.key.slice(0, 12), artifact.digest.slice(0, 12)]],
    );
    const text = [
      `${id}: ${state.summary}`,
      `Pipeline   ${state.pipeline}  (source ${state.source.slice(0, 12)})`,
      `Params     ${Object.entries(state.params).map(paramText).join('  ')}`,
      `Status     ${state.status}${state.error === undefined ? '' : `  ${state.error.code}: ${state.error.message}`}`,
      `Started    ${startTime.toISOString().slice(0, 19).replace('T', ' ')} UTC`,
      ...(resumedFrom === null ? [] : [`Resumes    ${[resumedFrom, ...changes].join(', ')}`]),
      ...(page === undefined ? [] : [`Web UI     ${page}`]),
      '',
      stepTable(state),
      // What ended the run is told in its status.
      ...(state.error === undefined ? failuresOf(state) : []),
      ...state.steps.flatMap((step) => {
        const ways = waysToAnswer(step, id);
        return ways === undefined ? [] : [`\n${step.id} waits for an answer: ${ways}`];
      }),
      ...(artifacts.length === 0
        ? []
        : ['', columns([['Made by', 'Artifact', 'Key', 'Digest'], ...artifacts])]),
    ].join('\n');
    print(options, { run: id, ...state, resumedFrom, changes }, text);
  });
}
