import type { Command } from 'commander';
import type { OutputOptions } from '../output.ts';
import { collect, examples, selectionOptions, stepNames } from './options.ts';

export function runCommand(program: Command): void {
  const command = program
    .command('run')
    .summary('start a run of a pipeline and watch it to its end')
    .description(
      'Starts a run and watches it to its end. Uses the stack that `npx f2c up` started or the servers that ' +
        'TEMPORAL_* names; otherwise starts the embedded stack for the time of the run.',
    )
    .argument('<pipeline>', 'a pipeline file, or the name of a pipeline; `npx f2c pipelines` shows them')
    .option('-p, --param <name=value>', 'a param of the pipeline; may be repeated', collect)
    .option('-d, --detach', 'return as soon as the run is started; the stack must be up')
    .option('--json', 'print the final state as JSON');
  selectionOptions(command)
    .addHelpText('after', stepNames)
    .addHelpText(
      'after',
      examples(
        'run quickstart',
        'run pipelines/quickstart.yaml --param images=20000',
        'run quickstart --detach',
        'run quickstart --force "train[head=dcp]"',
      ),
    )
    .action(async (pipeline: string, options: OutputOptions) =>
      (await import('../actions/run.ts')).run(pipeline, options),
    );
}
