import type { Command } from 'commander';
import type { OutputOptions } from '../output.ts';
import { examples } from './options.ts';

export function validateCommand(program: Command): void {
  program
    .command('validate')
    .summary('check a pipeline file; all errors at once, nothing is started')
    .description('Checks a pipeline file and says all of its errors at once; nothing is started.')
    .argument('<pipeline>', 'a pipeline file, or the name of a shipped pipeline')
    .option('--json', 'print the problems as JSON')
    .addHelpText('after', examples('validate pipelines/quickstart.yaml'))
    .action(async (pipeline: string, options: OutputOptions) =>
      (await import('../actions/validate.ts')).validate(pipeline, options),
    );

  program
    .command('schema')
    .summary('print the JSON Schema of pipeline files, for editors')
    .description('Prints the JSON Schema of pipeline files, with which editors complete and check them.')
    .addHelpText('after', examples('schema > pipeline.schema.json'))
    .action(async () => (await import('../actions/validate.ts')).schema());

  program
    .command('reference')
    .summary('print the reference page of the pipeline language')
    .description('Prints the reference page of the pipeline language and of every step kind, as Markdown.')
    .addHelpText('after', examples('reference > pipelines.md'))
    .action(async () => (await import('../actions/validate.ts')).reference());
}
