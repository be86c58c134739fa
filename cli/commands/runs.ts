import { type Command, InvalidArgumentError } from 'commander';
import type { OutputOptions } from '../output.ts';
import { collect, examples, selectionOptions, stepNames } from './options.ts';

/** Commands on runs that were started already. */
export function runsCommands(program: Command): void {
  program
    .command('list')
    .summary('list the latest runs')
    .description(
      'Lists the runs that are going on and those that ended last, by their start: their ids, states and times.',
    )
    .option('-n, --limit <count>', 'how many', readCount, 20)
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('list', 'list --limit 5 --json'))
    .action(async (options: OutputOptions & { limit: number }) =>
      (await import('../actions/list.ts')).list(options),
    );

  program
    .command('show')
    .summary('show a run: its steps, why each was run or reused, its metrics')
    .description(
      'Shows a run as it is now, or as it ended: its params, every step with why it was run or reused and ' +
        'its metrics, what failed, and the artifacts that were made.',
    )
    .argument('<run>', 'id of the run; `npx f2c list` shows it')
    .option('--json', 'print as JSON, with metrics unrounded')
    .addHelpText('after', examples('show quickstart-20260401-093015-1f7a'))
    .action(async (run: string, options: OutputOptions) =>
      (await import('../actions/show.ts')).show(run, options),
    );

  program
    .command('watch')
    .summary('watch a run to its end, as `run` does')
    .description(
      'Watches a run that is going on, whoever started it, and shows what `run` shows; it fails as that does if the ' +
        'run is not done at its end. Ctrl-C only stops watching.',
    )
    .argument('<run>', 'id of the run; `npx f2c list` shows it')
    .option('--json', 'print the final state as JSON')
    .addHelpText('after', examples('watch quickstart-20260401-093015-1f7a'))
    .action(async (run: string, options: OutputOptions) =>
      (await import('../actions/watch.ts')).watch(run, options),
    );

  program
    .command('logs')
    .summary('print what the steps of a run say, in order of time')
    .description(
      'Prints what the attempts of the steps say, in order of time, while the run goes on and afterwards; it is ' +
        'in the store, so that it outlives the workers. An attempt uploads what is new every few seconds; of one ' +
        'that says more than 32 MiB, the first 4 and the last 28 are kept.',
    )
    .argument('<run>', 'id of the run; `npx f2c list` shows it')
    .argument('[step]', "one step, with all of its instances, or one instance: 'train[head=dcp]'")
    .option('-f, --follow', 'go on until the run has ended')
    .option('--json', 'print every line as a JSON object')
    .addHelpText(
      'after',
      examples(
        'logs quickstart-20260401-093015-1f7a',
        "logs quickstart-20260401-093015-1f7a 'train[head=dcp]' --follow",
      ),
    )
    .action(async (run: string, step: string | undefined, options: OutputOptions & { follow?: boolean }) =>
      (await import('../actions/logs.ts')).logs(run, step, options),
    );

  const resume = program
    .command('resume')
    .summary('go on with a run that failed or was cancelled; what is done is not done again')
    .description(
      'Starts a new run with the file and the params of a run that failed, was cancelled, or was ended in Temporal ' +
        '(terminated, timed out), and watches it. Says first what is reused, what runs and how long that may take. ' +
        'Steps that are done are found in the store; a training goes on from its last checkpoint. With --param ' +
        'the new run has other params, and only steps that depend on them are done again. Steps that the run was ' +
        'to force and has not done yet are still forced; params that were changed by `retry --with` stay changed.',
    )
    .argument('<run>', 'id of the run; `npx f2c list` shows it')
    .option('-p, --param <name=value>', 'a param to change; may be repeated', collect)
    .option('-d, --detach', 'return as soon as the new run is started; the stack must be up')
    .option('--json', 'print the final state as JSON');
  selectionOptions(resume)
    .addHelpText('after', stepNames)
    .addHelpText(
      'after',
      examples(
        'resume quickstart-20260401-093015-1f7a',
        'resume quickstart-20260401-093015-1f7a --param images=20000',
      ),
    )
    .action(async (run: string, options: OutputOptions) =>
      (await import('../actions/resume.ts')).resume(run, options),
    );

  program
    .command('cancel')
    .summary('cancel a run; a training keeps its last checkpoint')
    .description('Asks a run to stop. A training takes a last checkpoint, from which `resume` goes on.')
    .argument('<run>', 'id of the run; `npx f2c list` shows it')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('cancel quickstart-20260401-093015-1f7a'))
    .action(async (run: string, options: OutputOptions) =>
      (await import('../actions/cancel.ts')).cancel(run, options),
    );
}

function readCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}
