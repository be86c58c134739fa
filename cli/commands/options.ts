import type { Command } from 'commander';

/** The examples at the end of a command's help. */
export function examples(...lines: string[]): string {
  const title = lines.length === 1 ? 'Example:' : 'Examples:';
  return ['', title, ...lines.map((line) => `  $ npx f2c ${line}`)].join('\n');
}

/** Gathers the values of an option that may be repeated. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** The options that choose steps of a run; the same ones are `force`, `from` and `only` in what starts a run. */
export function selectionOptions(command: Command): Command {
  return command
    .option(
      '--force <step>',
      'run this step although the store has what it makes, which is replaced; what depends on it is reused if ' +
        'the result is equal; may be repeated',
      collect,
    )
    .option('--from <step>', 'force this step and everything that depends on it; may be repeated', collect)
    .option(
      '--only <step>',
      'limit the run to this step and what it needs, which is reused where the store has it; may be repeated',
      collect,
    );
}

/** What a step is on the command line. */
export const stepNames =
  '\nA step is named by its id, train, which means all of its instances, or as one of them: "train[head=dcp]".';
