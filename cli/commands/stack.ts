import type { Command } from 'commander';
import type { OutputOptions } from '../output.ts';
import { examples } from './options.ts';

export function stackCommands(program: Command): void {
  program
    .command('up')
    .summary('start the embedded stack (Temporal, S3, workers) and leave it running')
    .description(
      'Starts the embedded stack (Temporal with its web UI, an S3 server, workers) in the background and ' +
        'leaves it running. Joins one that is running; one that belongs to a run is made to stay.',
    )
    .option('--json', 'print the addresses as JSON')
    .addHelpText('after', examples('up'))
    .action(async (options: OutputOptions) => (await import('../actions/stack.ts')).up(options));

  program
    .command('down')
    .summary('stop the embedded stack; its data stays')
    .description(
      'Stops the embedded stack. Its data stays: runs that were going on go on where they were after the ' +
        'next `npx f2c up`.',
    )
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('down'))
    .action(async (options: OutputOptions) => (await import('../actions/stack.ts')).down(options));
}
