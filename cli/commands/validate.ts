import type { Command } from 'commander';
import { contracts } from '../../activities/registry.ts';
import { readPipeline } from '../../language/check.ts';
import { pipelineError } from '../../language/problems.ts';
import { pipelineSchema } from '../../language/schema.ts';
import { readTextFile } from '../files.ts';
import { type OutputOptions, print } from '../output.ts';

export function validateCommand(program: Command): void {
  program
    .command('validate')
    .summary('check a pipeline file; all errors at once, nothing is started')
    .argument('<file>', 'a pipeline file')
    .option('--json', 'print the problems as JSON')
    .addHelpText('after', '\nExample:\n  $ f2c validate pipelines/quickstart.yaml')
    .action(validate);

  program
    .command('schema')
    .summary('print the JSON Schema of pipeline files, for editors')
    .action(() => {
      process.stdout.write(pipelineSchema(contracts));
    });
}

async function validate(file: string, options: OutputOptions): Promise<void> {
  const text = await readTextFile(file);
  const read = readPipeline(text, contracts);
  const problems = 'problems' in read ? read.problems : [];
  if (problems.length > 0 && options.json !== true) throw pipelineError(problems, { text, file });
  if (problems.length > 0) process.exitCode = 1;
  print(options, { file, problems }, `${file} is valid.`);
}
