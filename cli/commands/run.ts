import { existsSync } from 'node:fs';
import type { WorkflowHandle } from '@temporalio/client';
import type { Command } from 'commander';
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
import { openSession, type Session } from '../session.ts';

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
  const file =
    existsSync(pipeline) || /[./\\]/.test(pipeline) ? await readPipeline(pipeline, options.param) : undefined;
  const session = await openSession({ start: options.detach !== true });
  try {
    const reference =
      file === undefined ? pipeline : `sha256:${(await session.store.putBlob(file.bytes)).digest}`;
    const handle = await startRun(session.client, {
      name: file?.name ?? pipeline,
      input: { pipeline: reference, params: options.param },
    });
    if (options.detach === true) print(options, { run: handle.workflowId }, handle.workflowId);
    else await watchToEnd(handle, session, options);
  } finally {
    await session.close();
  }
}

/** Everything that can be wrong with the file or the params is said before any server is asked. */
async function readPipeline(path: string, params: JsonObject): Promise<{ name: string; bytes: Buffer }> {
  const text = await readTextFile(path);
  const bytes = Buffer.from(text);
  const compiled = compile({ text, file: path, digest: sha256(bytes) }, params, contracts);
  if ('problems' in compiled) throw pipelineError(compiled.problems, { text, file: path });
  if ('paramProblems' in compiled) throw paramsError(compiled.paramProblems, path);
  return { name: compiled.plan.name, bytes };
}

/** Shows a run until it has ended and prints its result; a failed run fails the command. */
export async function watchToEnd(
  handle: WorkflowHandle,
  session: Session,
  options: OutputOptions,
): Promise<void> {
  const { workflowId } = handle;
  const page = session.webUi && `${session.webUi}/namespaces/${session.namespace}/workflows/${workflowId}`;
  news(`Run ${workflowId}${page === undefined ? '' : `  ${page}`}`);
  const state = await followRun(handle, session, options);
  print(options, { run: workflowId, ...state }, await resultText(workflowId, state, session));
  if (state.status !== 'done') {
    const { code, message } = state.error ?? {
      code: 'F2C_RUN_FAILED',
      message: `The run was ${state.status}`,
    };
    throw new F2cError('F2C_RUN_FAILED', {
      what: code === 'F2C_RUN_FAILED' ? message : `${code}: ${message}`,
      fix: `Mend the cause, then go on with \`npx f2c resume ${workflowId}\``,
    });
  }
}
