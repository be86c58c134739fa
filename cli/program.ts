import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { root } from '../local/paths.ts';
import { answerCommands } from './commands/answers.ts';
import { artifactCommands } from './commands/artifact.ts';
import { helpCommand } from './commands/help.ts';
import { examples } from './commands/options.ts';
import { pauseCommands } from './commands/pauses.ts';
import { pipelinesCommands } from './commands/pipelines.ts';
import { planCommand } from './commands/plan.ts';
import { runCommand } from './commands/run.ts';
import { runsCommands } from './commands/runs.ts';
import { scheduleCommands } from './commands/schedule.ts';
import { stackCommands } from './commands/stack.ts';
import { validateCommand } from './commands/validate.ts';

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/**
 * The `f2c` command. What it knows is quick to load; the work of a command is in `actions/` and is loaded when
 * the command is used.
 */
export function createProgram(): Command {
  const program = new Command('f2c')
    .description(
      'Trains face recognition on very many identities as durable pipelines: runs, resumes and schedules them.',
    )
    .version(version)
    .showHelpAfterError('(--help shows how the command is used)')
    .addHelpText(
      'after',
      [
        examples(
          'run quickstart       # a shipped pipeline, from images to a benchmarked model',
          'run my.yaml          # a pipeline of your own',
          'list                 # the latest runs and their ids',
          'resume RUN           # go on with a run that failed',
          'up                   # start the embedded stack, to stay',
        ),
        '',
        'Settings come from TEMPORAL_*, AWS_* and AWS_ENDPOINT_URL_S3; nothing set means the embedded stack.',
      ].join('\n'),
    )
    .exitOverride();

  program.commandsGroup('Runs:');
  planCommand(program);
  runCommand(program);
  runsCommands(program);
  pauseCommands(program);
  answerCommands(program);
  program.commandsGroup('Pipelines:');
  validateCommand(program);
  pipelinesCommands(program);
  scheduleCommands(program);
  program.commandsGroup('Artifacts:');
  artifactCommands(program);
  program.commandsGroup('Embedded stack:');
  stackCommands(program);
  program.commandsGroup('Help:');
  helpCommand(program);
  return program;
}
