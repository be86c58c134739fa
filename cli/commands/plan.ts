import type { Command } from 'commander';
import type { OutputOptions } from '../output.ts';
import { collect, examples, selectionOptions, stepNames } from './options.ts';

export function planCommand(program: Command): void {
  const command = program
    .command('plan')
    .summary('show what a run would reuse and what it would run, and why; nothing is started')
    .description(
      'Shows what a run would do with each step: reuse what is in the store, run it or skip it, why, and how long ' +
        'that took before. A step that reads what another one has yet to make is open, since an equal result is ' +
        'reused. Asks what a run asks, so both agree while store and images stay as they are.',
    )
    .argument('<pipeline>', 'a pipeline file, or the name of a pipeline; `npx f2c pipelines` shows them')
    .option('-p, --param <name=value>', 'a param of the pipeline; may be repeated', collect)
    .option('--json', 'print as JSON');
  selectionOptions(command)
    .addHelpText('after', stepNames)
    .addHelpText(
      'after',
      examples(
        'plan quickstart',
        'plan pipelines/quickstart.yaml --param images=30000',
        'plan quickstart --from people',
      ),
    )
    .action(async (pipeline: string, options: OutputOptions) =>
      (await import('../actions/plan.ts')).plan(pipeline, options),
    );
}
