import type { PipelineSource } from '../../activities/pipelines.ts';
import { checkOwnSteps, contracts } from '../../activities/registry.ts';
import { uncheckedIn, usedPipelines, usedShipped } from '../../activities/usedPipelines.ts';
import type { ErrorCode } from '../../errors/catalogue.ts';
import { F2cError, sentences } from '../../errors/failure.ts';
import { readPipeline } from '../../language/check.ts';
import { referencePage } from '../../language/docs/page.ts';
import { pipelineSchema } from '../../language/docs/schema.ts';
import { pipelineError } from '../../language/text/problems.ts';
import type { Pipelines } from '../../language/text/sources.ts';
import { pipelineFile } from '../files.ts';
import { type OutputOptions, print } from '../output.ts';
import { withServers } from '../servers.ts';

/** With these, nobody can say what is in the store. */
const away: ErrorCode[] = ['F2C_STACK_DOWN', 'F2C_STORE_UNREACHABLE'];

export async function validate(pipeline: string, options: OutputOptions): Promise<void> {
  await checkOwnSteps();
  const source = await pipelineFile(pipeline);
  const { text, file } = source;
  const { pipelines, why } = await findUsed(source);
  const read = readPipeline(text, contracts, pipelines);
  const problems = 'problems' in read ? read.problems : [];
  if (problems.length > 0 && options.json !== true) throw pipelineError(problems, source, pipelines);
  if (problems.length > 0) process.exitCode = 1;
  const unchecked = uncheckedIn(pipelines);
  const but = unchecked.length === 0 ? '.' : `, but ${unchecked.join(', ')} could not be looked up: ${why}`;
  print(options, { file, problems, ...(unchecked.length > 0 && { unchecked }) }, `${file} is valid${but}`);
}

/** The pipelines that a file uses; those that do not ship are asked for in the store, if it is there. */
async function findUsed(source: PipelineSource): Promise<{ pipelines: Pipelines; why?: string }> {
  const shipped = await usedShipped(source);
  if (uncheckedIn(shipped).length === 0) return { pipelines: shipped };
  let pipelines = shipped;
  try {
    await withServers({ start: false }, async ({ env }) => {
      // Most files use no others, and are checked in less time than a client takes to load.
      const { openStore } = await import('../../artifacts/store.ts');
      pipelines = await usedPipelines(openStore(env), source);
    });
  } catch (error) {
    if (!(error instanceof F2cError) || !away.includes(error.code)) throw error;
    return { pipelines, why: sentences(error.parts) };
  }
  return { pipelines };
}

export function schema(): void {
  process.stdout.write(pipelineSchema(contracts));
}

export function reference(): void {
  process.stdout.write(referencePage(contracts));
}
