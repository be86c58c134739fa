import { CommanderError } from 'commander';
import { F2cError } from '../errors/failure.ts';
import { failureText, news } from './output.ts';
import { createProgram } from './program.ts';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read the output has seen enough: `f2c list | head`.
  if (error.code === 'EPIPE') process.exit();
  throw error;
});

try {
  await createProgram().parseAsync();
} catch (error) {
  process.exitCode = 1;
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof F2cError) news(failureText(error, { json: process.argv.includes('--json') }));
  // A defect shows its stack trace.
  else throw error;
}
