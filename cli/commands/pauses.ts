import type { Command } from 'commander';
import type { OutputOptions } from '../output.ts';
import { examples } from './options.ts';

export interface PauseOptions extends OutputOptions {
  who?: string;
  note?: string;
}

const example = 'weekly-20260401-030000-1f7a';

/** Commands that pause a run or one of its steps. */
export function pauseCommands(program: Command): void {
  pauseCommand(program, 'pause')
    .summary('pause a run or one of its steps; a training frees its worker')
    .description(
      'Pauses a run, or one of its steps. A training takes a last checkpoint and frees its worker; any other ' +
        'step that is running is finished, since its work would be lost. No other work begins.',
    )
    .option('--who <name>', 'who pauses it, if it is not the user of this machine')
    .option('--note <text>', 'why; `npx f2c show` tells it')
    .addHelpText(
      'after',
      examples(`pause ${example}`, `pause ${example} 'train[head=dcp]' --note "the GPU is needed"`),
    );
  pauseCommand(program, 'continue')
    .summary('go on with a run or a step that is paused')
    .description(
      'Goes on with what was paused: a training with its last checkpoint, on the next free worker, to the same ' +
        'bits. A step that was paused by itself goes on by itself.',
    )
    .addHelpText('after', examples(`continue ${example}`, `continue ${example} 'train[head=dcp]'`));
}

function pauseCommand(program: Command, update: 'pause' | 'continue'): Command {
  return program
    .command(update)
    .argument('<run>', 'id of the run; `npx f2c list` shows it')
    .argument('[step]', 'id of one step instance; `npx f2c show RUN` shows it')
    .option('--json', 'print as JSON')
    .action(async (run: string, step: string | undefined, options: PauseOptions) =>
      (await import('../actions/pause.ts')).pause(run, step, update, options),
    );
}
