import type { Command } from 'commander';
import type { OutputOptions } from '../output.ts';
import { examples } from './options.ts';

export function pipelinesCommands(program: Command): void {
  program
    .command('apply')
    .summary('keep a version of a pipeline in the store, to be started by its name')
    .description(
      'Stores a pipeline file as the newest version of its pipeline, which everyone can then start by its name: ' +
        "from here, by a schedule, in Temporal's own UI. Older versions stay and are started as name@version. It " +
        'takes the place of a shipped pipeline of the same name.',
    )
    .argument('<file>', 'a pipeline file')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('apply my.yaml'))
    .action(async (file: string, options: OutputOptions) =>
      (await import('../actions/pipelines.ts')).apply(file, options),
    );

  program
    .command('pipelines')
    .summary('list the pipelines that can be started by their names')
    .description(
      'Lists the pipelines that were applied, with their newest versions, and those that are shipped; of one ' +
        'pipeline all versions, the newest first.',
    )
    .argument('[name]', 'name of a pipeline')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('pipelines', 'pipelines weekly'))
    .action(async (name: string | undefined, options: OutputOptions) =>
      (await import('../actions/pipelines.ts')).list(name, options),
    );
}
