import { extname } from 'node:path';
import type { Command } from 'commander';
import { shippedPipeline } from '../../activities/pipelines.ts';
import { contracts } from '../../activities/registry.ts';
import { sha256 } from '../../artifacts/canonical.ts';
import { F2cError } from '../../errors/failure.ts';
import { compile } from '../../language/compile.ts';
import type { JsonObject } from '../../language/json.ts';
import { paramsError, pipelineError } from '../../language/problems.ts';
import { readTextFile } from '../files.ts';
import { news, type OutputOptions, print } from '../output.ts';
import { collectParam } from '../params.ts';
import { followRun, resultText } from '../result.ts';
import { startRun } from '../runs.ts';
import { type Session, withSession } from '../session.ts';

interface RunOptions extends OutputOptions {
  param: JsonObject;
  detach?: boolean;
}

export function runCommand(program: Command): void {
  program
    .command('run')
    .summary('start a run of a pipeline and watch it to its end')
    .description(
      'Starts a run and watches it. Uses the stack that `f2c up` started or that TEMPORAL_* names; otherwise starts the embedded stack for the time of the run.',
    )
    .argument('<pipeline>', 'a pipeline file, or the name of a shipped pipeline')
    .option('-p, --param <name=value>', 'a param of the pipeline; may be repeated', collectParam, {})
    .option('-d, --detach', 'return as soon as the run is started')
    .option('--json', 'print the final state as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ f2c run pipelines/quickstart.yaml\n  $ f2c run quickstart --param images=20000\n  $ f2c run quickstart --detach --json',
    )
    .action(runFile);
}

async function runFile(pipeline: string, options: RunOptions): Promise<void> {
  // Everything that can be wrong with the file or the params is said before any server is asked.
  const { name, text } = await compiledPipeline(pipeline, options.param);
  const watched = options.detach !== true;
  await withSession({ start: watched }, async (session) => {
    await session.store.ensureBucket();
    const { digest } = await session.store.putBlob(Buffer.from(text));
    const input = { pipeline: `sha256:${digest}`, params: options.param };
    const { workflowId } = await startRun(session.client, { name, input });
    if (watched) await watchToEnd(workflowId, session, options);
    else print(options, { run: workflowId }, workflowId);
  });
}

async function compiledPipeline(
  pipeline: string,
  params: JsonObject,
): Promise<{ name: string; text: string }> {
  const isFile = extname(pipeline) !== '' || /[/\\]/.test(pipeline);
  const { text, file } = isFile
    ? { text: await readTextFile(pipeline), file: pipeline }
    : await shippedPipeline(pipeline);
  const compiled = compile({ text, file, digest: sha256(text) }, params, contracts);
  if ('problems' in compiled) throw pipelineError(compiled.problems, { text, file });
  if ('paramProblems' in compiled) throw paramsError(compiled.paramProblems, file);
  return { name: compiled.plan.name, text };
}

/** Shows a run until it has ended and prints its result; a failed run fails the command. */
export async function watchToEnd(run: string, session: Session, options: OutputOptions): Promise<void> {
  const page = session.webUi && `${session.webUi}/namespaces/${session.namespace}/workflows/${run}`;
  news(`Run ${run}${page === undefined ? '' : `  ${page}`}`);
  const state = await followRun(run, session, options);
  print(options, { run, ...state }, options.json ? '' : await resultText(run, state, session));
  if (state.status === 'done') return;
  throw new F2cError('F2C_RUN_FAILED', {
    what: state.error?.message ?? `The run was ${state.status}`,
    where: state.error === undefined || state.error.code === 'F2C_RUN_FAILED' ? undefined : state.error.code,
    fix: `Mend the cause and go on with \`npx f2c resume ${run}\`; other params need a new run`,
  });
}
