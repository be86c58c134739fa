import type { Command } from 'commander';
import { F2cError } from '../../errors/failure.ts';
import { type OutputOptions, print } from '../output.ts';
import { stepTable } from '../result.ts';
import { describeRun, inputOf, startRun, workflowType } from '../runs.ts';
import { type Session, withSession } from '../session.ts';
import { columns, duration } from '../text.ts';
import { watchToEnd } from './run.ts';

/** Commands on runs that were started already. */
export function runsCommands(program: Command): void {
  program
    .command('list')
    .summary('list the latest runs')
    .option('-n, --limit <count>', 'how many', Number, 20)
    .option('--json', 'print as JSON')
    .action((options: OutputOptions & { limit: number }) => withSession((session) => list(session, options)));

  program
    .command('show')
    .summary('show a run: its steps, why each was run or reused, its metrics')
    .argument('<run>', 'id of the run')
    .option('--json', 'print as JSON')
    .action((run: string, options: OutputOptions) => withSession((session) => show(session, run, options)));

  program
    .command('resume')
    .summary('go on with a run that failed or was cancelled; what is done is not done again')
    .argument('<run>', 'id of the run')
    .option('-d, --detach', 'return as soon as the new run is started')
    .option('--json', 'print the final state as JSON')
    .action((run: string, options: OutputOptions & { detach?: boolean }) =>
      withSession((session) => resume(session, run, options)),
    );

  program
    .command('cancel')
    .summary('cancel a run; a training keeps its last checkpoint')
    .argument('<run>', 'id of the run')
    .option('--json', 'print as JSON')
    .action((run: string, options: OutputOptions) => withSession((session) => cancel(session, run, options)));
}

async function list({ client }: Session, options: OutputOptions & { limit: number }): Promise<void> {
  const runs = [];
  for await (const run of client.workflow.list({ query: `WorkflowType = '${workflowType}'` })) {
    if (runs.length >= options.limit) break;
    const { workflowId, status, startTime, closeTime, memo, searchAttributes } = run;
    runs.push({
      run: workflowId,
      pipeline: String(searchAttributes.f2cPipeline?.[0] ?? ''),
      status: status.name.toLowerCase(),
      started: startTime.toISOString(),
      seconds: closeTime === undefined ? null : (closeTime.getTime() - startTime.getTime()) / 1_000,
      resumedFrom: memo?.resumedFrom ?? null,
    });
  }
  const rows = runs.map((run) => [
    run.run,
    run.status,
    run.started.slice(0, 19).replace('T', ' '),
    run.seconds === null ? '' : duration(run.seconds * 1_000),
    run.resumedFrom === null ? '' : `resumes ${run.resumedFrom}`,
  ]);
  const text =
    runs.length === 0 ? 'No runs yet.' : columns([['Run', 'Status', 'Started (UTC)', 'Time', ''], ...rows]);
  print(options, runs, text);
}

async function show(
  { client, store, webUi, namespace }: Session,
  id: string,
  options: OutputOptions,
): Promise<void> {
  const { info, state } = await describeRun(client, id);
  const artifacts = state.steps.flatMap(({ id: step, artifact }) =>
    artifact === undefined
      ? []
      : [[`  ${step}`, artifact.kind, artifact.key.slice(0, 12), artifact.digest.slice(0, 12)]],
  );
  const text = [
    `${id}: ${state.summary}`,
    `Pipeline   ${state.pipeline}  (source ${state.source.slice(0, 12)})`,
    `Params     ${JSON.stringify(state.params)}`,
    `Status     ${state.status}${state.error === undefined ? '' : `  ${state.error.code}: ${state.error.message}`}`,
    `Started    ${info.startTime.toISOString()}`,
    ...(info.memo?.resumedFrom ? [`Resumes    ${info.memo.resumedFrom}`] : []),
    ...(webUi === undefined ? [] : [`Web UI     ${webUi}/namespaces/${namespace}/workflows/${id}`]),
    '',
    stepTable(state),
    ...(artifacts.length === 0 ? [] : ['', columns([['Artifacts', 'Kind', 'Key', 'Digest'], ...artifacts])]),
  ].join('\n');
  print(
    options,
    { run: id, ...state, resumedFrom: info.memo?.resumedFrom ?? null, bucket: store.bucket.name },
    text,
  );
}

async function resume(
  session: Session,
  id: string,
  options: OutputOptions & { detach?: boolean },
): Promise<void> {
  const { handle, info, state } = await describeRun(session.client, id);
  if (info.status.name === 'RUNNING' || info.status.name === 'COMPLETED') {
    const doing = info.status.name === 'RUNNING' ? 'is still going on' : 'has completed';
    throw new F2cError('F2C_RUN_NOT_RESUMABLE', {
      what: `The run ${id} ${doing}, so there is nothing to resume`,
      fix: `\`npx f2c show ${id}\` shows it`,
    });
  }
  // The very file that ran, not what its name means today; a run that never compiled has none yet.
  const started = await inputOf(handle);
  const input = state.source === '' ? started : { ...started, pipeline: `sha256:${state.source}` };
  const name = state.pipeline === '' ? 'run' : state.pipeline;
  const next = await startRun(session.client, { name, input, resumedFrom: id });
  if (options.detach === true) print(options, { run: next.workflowId }, next.workflowId);
  else await watchToEnd(next, session, options);
}

async function cancel({ client }: Session, id: string, options: OutputOptions): Promise<void> {
  const { handle } = await describeRun(client, id);
  await handle.cancel();
  print(
    options,
    { run: id, cancelled: true },
    `Asked ${id} to stop. \`npx f2c resume ${id}\` goes on with it.`,
  );
}
