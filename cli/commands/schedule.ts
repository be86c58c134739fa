import type { Command } from 'commander';
import type { OutputOptions } from '../output.ts';
import { examples } from './options.ts';

export function scheduleCommands(program: Command): void {
  const schedule = program
    .command('schedule')
    .summary('run pipelines at set times')
    .description('Runs pipelines at set times, while the stack or the servers of your own are up.');

  schedule
    .command('apply')
    .summary('create or update the schedule that a pipeline file describes')
    .description(
      'Creates the schedule that the `schedule` of a pipeline file describes, or updates it. A file is scheduled as ' +
        'it is now; with the name of a pipeline every run takes the version that is applied when it starts.',
    )
    .argument('<pipeline>', 'a pipeline file with a `schedule`, or the name of a pipeline')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('schedule apply pipelines/weekly.yaml'))
    .action(async (pipeline: string, options: OutputOptions) =>
      (await import('../actions/schedule.ts')).apply(pipeline, options),
    );

  schedule
    .command('list')
    .summary('list the schedules and when they run next')
    .description('Lists the schedules and when they run next.')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('schedule list'))
    .action(async (options: OutputOptions) => (await import('../actions/schedule.ts')).list(options));

  schedule
    .command('trigger')
    .summary('run a scheduled pipeline now, without changing its schedule')
    .description('Runs a scheduled pipeline now, without changing its schedule.')
    .argument('<name>', 'name of the pipeline; `npx f2c schedule list` shows it')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('schedule trigger weekly'))
    .action(async (name: string, options: OutputOptions) =>
      (await import('../actions/schedule.ts')).trigger(name, options),
    );

  schedule
    .command('delete')
    .summary('delete a schedule; runs that are going on are left alone')
    .description('Deletes a schedule; runs that are going on are left alone.')
    .argument('<name>', 'name of the pipeline; `npx f2c schedule list` shows it')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('schedule delete weekly'))
    .action(async (name: string, options: OutputOptions) =>
      (await import('../actions/schedule.ts')).remove(name, options),
    );
}
