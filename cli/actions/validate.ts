import { contracts } from '../../activities/registry.ts';
import { readPipeline } from '../../language/check.ts';
import { referencePage } from '../../language/page.ts';
import { pipelineError } from '../../language/problems.ts';
import { pipelineSchema } from '../../language/schema.ts';
import { pipelineFile } from '../files.ts';
import { type OutputOptions, print } from '../output.ts';

export async function validate(pipeline: string, options: OutputOptions): Promise<void> {
  const { text, file } = await pipelineFile(pipeline);
  const read = readPipeline(text, contracts);
  const problems = 'problems' in read ? read.problems : [];
  if (problems.length > 0 && options.json !== true) throw pipelineError(problems, { text, file });
  if (problems.length > 0) process.exitCode = 1;
  print(options, { file, problems }, `${file} is valid.`);
}

export function schema(): void {
  process.stdout.write(pipelineSchema(contracts));
}

export function reference(): void {
  process.stdout.write(referencePage(contracts));
}
