import { Command, Option } from 'commander';
import { pino } from 'pino';
import { F2cError, sentences } from '../errors/failure.ts';
import { isRole, roles } from './roles.ts';
import { useServers } from './servers.ts';
import { startWorker } from './worker.ts';

const { role, queue } = new Command('f2c-worker')
  .description(
    'Polls one task queue and does its work until SIGTERM. Settings come from TEMPORAL_* and AWS_*; nothing set means the embedded stack.',
  )
  .addOption(new Option('--role <role>', 'what the worker does').choices(roles).makeOptionMandatory())
  .option('--queue <name>', 'task queue to poll, if it is not the one of the role')
  .parse()
  .opts<{ role: string; queue?: string }>();
if (!isRole(role)) throw new Error(`unknown role ${role}`);

const out = pino.destination(2);
const log = pino({ base: { role } }, out);
try {
  useServers();
  const worker = await startWorker({ role, queue: queue ?? role, log, out });
  process.stdout.write(`${JSON.stringify({ ready: true, role })}\n`);
  await worker.run();
} catch (error) {
  if (error instanceof F2cError) process.stderr.write(`${error.code}: ${sentences(error.parts)}\n`);
  else log.fatal(error);
  // Whatever still runs here must not keep a worker alive that polls no more: its supervisor starts another.
  process.exit(1);
}
