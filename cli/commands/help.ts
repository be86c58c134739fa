import type { Command } from 'commander';
import { F2cError } from '../../errors/failure.ts';
import { nearest } from '../../language/text/nearest.ts';
import { examples } from './options.ts';

export function helpCommand(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .summary('show how a command is used')
    .description('Shows how a command is used.')
    .argument('[command...]', 'the command')
    .addHelpText('after', examples('help run', 'help artifact export'))
    .action((names: string[]) => names.reduce(commandOf, program).help());
}

function commandOf(parent: Command, name: string): Command {
  const found = parent.commands.find((command) => command.name() === name);
  if (found !== undefined) return found;
  const names = parent.commands.map((command) => command.name());
  const meant = nearest(name, names);
  throw new F2cError('F2C_USAGE', {
    what: `There is no command ${name}`,
    fix: meant === undefined ? `There are: ${names.join(', ')}` : `Did you mean "${meant}"?`,
  });
}
