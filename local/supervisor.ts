import { join } from 'node:path';
import pino from 'pino';
import { F2cError } from '../errors/failure.ts';
import type { SupervisorMessage } from './handle.ts';
import { ownIdentity } from './process.ts';
import { readRecord, writeRecord } from './record.ts';
import type { Stack } from './stack.ts';
import { startStack } from './stack.ts';

/**
 * The program behind the embedded stack: owns the stack of one home until it is told to end. One that is `lent`
 * ends with the process that started it, unless SIGUSR2 says before that the stack is to stay.
 */
async function supervise(home: string, lent: boolean): Promise<void> {
  const log = pino(
    { name: 'supervisor' },
    pino.destination({ dest: join(home, 'logs', 'supervisor.log'), mkdir: true, sync: true }),
  );
  let stack: Stack | undefined;
  let ending = false;
  const end = async (why: string): Promise<void> => {
    if (ending) return;
    ending = true;
    log.info(`${why}: ending`);
    // While it is still starting there is nothing worth a slow end: its children die with this process.
    if (stack === undefined) process.exit(1);
    const { run: _, ...rest } = readRecord(home);
    writeRecord(home, rest);
    await stack.stop();
    process.exit(0);
  };
  const borrowerEnded = () => end('the process that it was lent to has ended');
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  if (lent) process.once('disconnect', borrowerEnded);
  if (lent && !process.connected) borrowerEnded();
  process.on('SIGUSR2', () => {
    const { run, ...rest } = readRecord(home);
    if (ending || run === undefined) return;
    process.off('disconnect', borrowerEnded);
    const { endsWith: _, ...staying } = run;
    writeRecord(home, { ...rest, run: staying });
  });

  try {
    stack = await startStack({
      home,
      workers: true,
      onProgress: (line) => {
        log.info(line);
        tell({ progress: line });
      },
    });
  } catch (error) {
    log.error(error);
    tell({ failed: failureOf(error) }, () => process.exit(1));
    return;
  }
  const { addresses, env } = stack;
  const run = {
    owner: ownIdentity(),
    ...(lent && { endsWith: process.ppid }),
    startedAt: new Date().toISOString(),
    ...(process.env.F2C_STEPS && { steps: process.env.F2C_STEPS }),
    addresses,
    env,
  };
  writeRecord(home, { ...readRecord(home), run });
  tell({ ready: true });
}

function failureOf(error: unknown): NonNullable<SupervisorMessage['failed']> {
  if (!(error instanceof F2cError)) return { what: String(error) };
  const { what, where, fix } = error.parts;
  return { code: error.code, what, where, fix };
}

/** Who started this process may be gone by now. */
function tell(message: SupervisorMessage, then: () => void = () => {}): void {
  if (process.send === undefined || !process.connected) then();
  else process.send(message, then);
}

const [home, term] = process.argv.slice(2);
if (home === undefined) throw new Error('usage: supervisor.ts HOME [lent]');
await supervise(home, term === 'lent');
