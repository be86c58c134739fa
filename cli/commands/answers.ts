import type { Command } from 'commander';
import type { Action } from '../../workflows/runTypes.ts';
import type { OutputOptions } from '../output.ts';
import { collect, examples } from './options.ts';

export interface AnswerOptions extends OutputOptions {
  with?: string[];
  who?: string;
  note?: string;
}

const example = 'weekly-20260401-030000-1f7a';

/** Commands that answer a step that waits for a person. */
export function answerCommands(program: Command): void {
  answerCommand(program, 'retry')
    .summary('try a held step again, with other params if you like; the run goes on')
    .description(
      'Has a held step tried again in the same run. With --with it has other params, this instance alone; they ' +
        'are checked first, and what they change is shown.',
    )
    .option('-w, --with <name=value>', 'a param of the step to change; may be repeated', collect)
    .addHelpText(
      'after',
      examples(`retry ${example} train`, `retry ${example} 'train[head=dcp]' --with learningRate=0.01`),
    );
  answerCommand(program, 'skip')
    .summary('go on without a held step and what depends on it')
    .description(
      'Has a run go on without a held step. What depends on the step is skipped; a gather takes the instances ' +
        'that are done.',
    )
    .addHelpText('after', examples(`skip ${example} 'train[head=fc]'`));
  answerCommand(program, 'fail')
    .summary('let a held step fail, as if the run had not been held')
    .description('Lets a held step fail: the run does what else it can, and fails.')
    .addHelpText('after', examples(`fail ${example} train`));
  answerCommand(program, 'approve')
    .summary('approve a step that waits for it; its work begins')
    .description('Approves a step whose pipeline says `approve`: its work begins.')
    .addHelpText('after', examples(`approve ${example} model --note "report read"`));
  answerCommand(program, 'reject')
    .summary('reject a step that waits for approval; it fails')
    .description('Rejects a step whose pipeline says `approve`: it fails without having done anything.')
    .addHelpText('after', examples(`reject ${example} model --note "accuracy too low"`));
}

function answerCommand(program: Command, action: Action): Command {
  return program
    .command(action)
    .argument('<run>', 'id of the run; `npx f2c list` shows it')
    .argument('<step>', 'id of the step instance; `npx f2c show RUN` shows it')
    .option('--who <name>', 'who answers, if it is not the user of this machine')
    .option('--note <text>', 'why; it is kept in the state of the run')
    .option('--json', 'print as JSON')
    .action(async (run: string, step: string, options: AnswerOptions) =>
      (await import('../actions/answer.ts')).answer(run, step, action, options),
    );
}
