import { Command, CommanderError } from 'commander';
import { artifactCommands } from './commands/artifact.ts';
import { runCommand } from './commands/run.ts';
import { runsCommands } from './commands/runs.ts';
import { scheduleCommands } from './commands/schedule.ts';
import { stackCommands } from './commands/stack.ts';
import { validateCommand } from './commands/validate.ts';
import { printFailure } from './output.ts';

const program = new Command('f2c')
  .description(
    'Trains face recognition on very many identities as durable pipelines: runs, resumes and schedules them.',
  )
  .showHelpAfterError('(--help shows how the command is used)')
  .addHelpText(
    'after',
    [
      '',
      'Examples:',
      '  $ f2c run pipelines/quickstart.yaml    run a pipeline from images to a benchmarked model',
      '  $ f2c up                               start the embedded stack, to stay',
      '  $ f2c list                             the latest runs',
      '  $ f2c resume RUN                       go on with a run that failed',
      '',
      'Settings come from TEMPORAL_*, AWS_* and AWS_ENDPOINT_URL_S3; nothing set means the embedded stack.',
    ].join('\n'),
  )
  .exitOverride();

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read the output has seen enough: `f2c list | head`.
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

stackCommands(program);
runCommand(program);
runsCommands(program);
validateCommand(program);
scheduleCommands(program);
artifactCommands(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = 1;
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else printFailure(error, { json: process.argv.includes('--json') });
}
