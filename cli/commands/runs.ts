import { type Command, InvalidArgumentError } from 'commander';
import { F2cError } from '../../errors/failure.ts';
import { type OutputOptions, print } from '../output.ts';
import { stepTable } from '../result.ts';
import { describeRun, inputOf, queryState, startRun, workflowType } from '../runs.ts';
import { type Session, withSession } from '../session.ts';
import { columns, duration } from '../text.ts';
import { watchToEnd } from './run.ts';

/** Commands on runs that were started already. */
export function runsCommands(program: Command): void {
  program
    .command('list')
    .summary('list the latest runs')
    .option('-n, --limit <count>', 'how many', readCount, 20)
    .option('--json', 'print as JSON')
    .action((options: OutputOptions & { limit: number }) =>
      withSession({ start: false }, (session) => list(session, options)),
    );

  program
    .command('show')
    .summary('show a run: its steps, why each was run or reused, its metrics')
    .argument('<run>', 'id of the run')
    .option('--json', 'print as JSON')
    .action((run: string, options: OutputOptions) =>
      withSession({ start: false }, (session) => show(session, run, options)),
    );

  program
    .command('resume')
    .summary('go on with a run that failed or was cancelled; what is done is not done again')
    .argument('<run>', 'id of the run')
    .option('-d, --detach', 'return as soon as the new run is started')
    .option('--json', 'print the final state as JSON')
    .action((run: string, options: OutputOptions & { detach?: boolean }) =>
      withSession({ start: options.detach !== true }, (session) => resume(session, run, options)),
    );

  program
    .command('cancel')
    .summary('cancel a run; a training keeps its last checkpoint')
    .argument('<run>', 'id of the run')
    .option('--json', 'print as JSON')
    .action((run: string, options: OutputOptions) =>
      withSession({ start: false }, (session) => cancel(session, run, options)),
    );
}

function readCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
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

async function show(session: Session, id: string, options: OutputOptions): Promise<void> {
  const run = await describeRun(session.client, id);
  const { memo, startTime } = run.info;
  const resumedFrom = memo?.resumedFrom ?? null;
  const state = await queryState(run);
  const page = session.webUi && `${session.webUi}/namespaces/${session.namespace}/workflows/${id}`;
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
    `Started    ${startTime.toISOString()}`,
    ...(resumedFrom === null ? [] : [`Resumes    ${resumedFrom}`]),
    ...(page === undefined ? [] : [`Web UI     ${page}`]),
    '',
    stepTable(state),
    ...(artifacts.length === 0 ? [] : ['', columns([['Artifacts', 'Kind', 'Key', 'Digest'], ...artifacts])]),
  ].join('\n');
  print(options, { run: id, ...state, resumedFrom }, text);
}

async function resume(
  session: Session,
  id: string,
  options: OutputOptions & { detach?: boolean },
): Promise<void> {
  const { info } = await describeRun(session.client, id);
  if (info.status.name === 'RUNNING' || info.status.name === 'COMPLETED') {
    const doing = info.status.name === 'RUNNING' ? 'is still going on' : 'has completed';
    throw new F2cError('F2C_RUN_NOT_RESUMABLE', {
      what: `The run ${id} ${doing}, so there is nothing to resume`,
      fix: `\`npx f2c show ${id}\` shows it`,
    });
  }
  const started = await inputOf(session.client, info);
  const { source, pipeline } = info.memo ?? {};
  // The very file that ran, not what its name means today; a run that never compiled has none yet.
  const input = typeof source === 'string' ? { ...started, pipeline: `sha256:${source}` } : started;
  const name = typeof pipeline === 'string' ? pipeline : 'run';
  const { workflowId } = await startRun(session.client, { name, input, resumedFrom: id });
  if (options.detach === true) print(options, { run: workflowId }, workflowId);
  else await watchToEnd(workflowId, session, options);
}

async function cancel({ client }: Session, id: string, options: OutputOptions): Promise<void> {
  const { handle, info } = await describeRun(client, id);
  const running = info.status.name === 'RUNNING';
  if (running) await handle.cancel();
  const text = running
    ? `Asked ${id} to stop. \`npx f2c resume ${id}\` goes on with it.`
    : `The run ${id} has ended already.`;
  print(options, { run: id, cancelled: running }, text);
}
