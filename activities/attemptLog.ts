import { hostname } from 'node:os';
import { type DestinationStream, type Logger, multistream, pino } from 'pino';
import type { Bucket } from '../artifacts/bucket.ts';
import type { Attempt } from '../artifacts/logs.ts';
import { F2cError } from '../errors/failure.ts';
import { LogPieces } from './logPieces.ts';
import { secretMask } from './secrets.ts';
import type { Progress } from './step.ts';

/** Characters of one text in a line; nobody reads more of it. */
const longestText = 16_384;

const progressEveryMs = 10_000;

interface Settings {
  /** For the lines that are not in the store yet; does not exist yet. */
  folder: string;
  bucket: Bucket;
  /** The worker's own log, in which the attempt's lines are as well. */
  workerLog: DestinationStream;
  /** Why the attempt was told to stop, if it was. */
  stopped: () => string | undefined;
}

/**
 * Does the work of an attempt with a log that outlives its worker. How it began and ended is a line of it;
 * no secret of the environment is in it.
 */
export async function withAttemptLog<T>(
  attempt: Attempt,
  { folder, bucket, workerLog, stopped }: Settings,
  work: (log: Logger) => Promise<T>,
): Promise<T> {
  const { run, step, attempt: number } = attempt;
  const own = { base: { run, step, attempt: number }, level: 'debug' };
  const onFailure = (err: unknown) => pino(own, workerLog).warn({ err }, 'the log cannot be stored for now');
  const pieces = new LogPieces(attempt, { folder, bucket, onFailure });
  const mask = secretMask();
  const log = pino(
    { ...own, hooks: { streamWrite: (line) => tidied(line, (text) => shortened(mask(text))) } },
    multistream([
      { level: 'debug', stream: pieces },
      { level: 'info', stream: workerLog },
    ]),
  );
  log.info({ worker: `${process.pid}@${hostname()}` }, `attempt ${number} begins`);
  try {
    const done = await work(log);
    log.info('done');
    return done;
  } catch (error) {
    const why = stopped();
    if (why !== undefined) log.warn(`stopped: ${why}`);
    else if (error instanceof F2cError) log.error({ code: error.code }, error.message);
    else log.error({ err: error }, 'failed in a way nobody foresaw');
    throw error;
  } finally {
    await pieces.close();
  }
}

/** Writes how far a step is, not more often than a person would like to read it. */
export function progressLog(log: Logger): (progress: Progress) => void {
  let before = Number.NEGATIVE_INFINITY;
  return ({ done, total, unit, note }) => {
    const now = performance.now();
    if (now - before < progressEveryMs) return;
    before = now;
    log.info(`${done}/${total} ${unit}${note === undefined ? '' : `: ${note}`}`);
  };
}

/** The same line with all of its texts made fit to be kept. */
function tidied(line: string, tidy: (text: string) => string): string {
  const fields = JSON.parse(line, (_, value) => (typeof value === 'string' ? tidy(value) : value));
  return `${JSON.stringify(fields)}\n`;
}

function shortened(text: string): string {
  if (text.length <= longestText) return text;
  return `${text.slice(0, longestText)} … (${text.length - longestText} characters more)`;
}
