import { stripVTControlCharacters } from 'node:util';
import type { Bucket } from '../artifacts/bucket.ts';
import { type LogPiece, logLimits, logPieces } from '../artifacts/logs.ts';
import type { JsonObject } from '../language/text/json.ts';

/** One line of the log of an attempt. */
export interface LogLine {
  /** Milliseconds since 1970. */
  time: number;
  step: string;
  attempt: number;
  level: string;
  message: string;
  /** What else was written with it. */
  fields: JsonObject;
}

interface Asked {
  run: string;
  /** Temporal's own id of the run; without it, all that ever had the run's id. */
  execution: string | undefined;
  isWanted: (step: string) => boolean;
}

/** The levels of pino. */
const levels: Record<number, string> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };

/** Reads what the attempts of a run say, as far as they have uploaded it. */
export class LogReader {
  private readonly bucket: Bucket;
  private readonly asked: Asked;
  /** How far each attempt was read: its latest piece, and the bytes of that. */
  private readonly read = new Map<string, { number: number; bytes: number }>();

  constructor(bucket: Bucket, asked: Asked) {
    this.bucket = bucket;
    this.asked = asked;
  }

  /** The lines that are new since the last time, in order of time. */
  async *next(): AsyncGenerator<LogLine> {
    const { run, execution, isWanted } = this.asked;
    const attempts = new Map<string, LogPiece[]>();
    for await (const piece of logPieces(this.bucket, run, execution)) {
      if (!isWanted(piece.step)) continue;
      const pieces = attempts.get(attemptOf(piece)) ?? [];
      attempts.set(attemptOf(piece), [...pieces, piece]);
    }
    yield* inOrder([...attempts.values()].map((pieces) => this.linesOf(pieces)));
  }

  private async *linesOf(pieces: LogPiece[]): AsyncGenerator<LogLine> {
    for (const piece of pieces) {
      const before = this.read.get(attemptOf(piece)) ?? { number: 0, bytes: 0 };
      if (piece.number < before.number) continue;
      const from = piece.number === before.number ? before.bytes : 0;
      if (piece.size <= from) continue;
      const stored = await this.bucket.read(piece.key, { from });
      // It was given up meanwhile.
      if (stored === undefined) continue;
      const lines = stored.text.split('\n').filter((line) => line !== '');
      const [first, ...more] = lines.map((line) => parseLine(line, piece));
      this.read.set(attemptOf(piece), { number: piece.number, bytes: from + Buffer.byteLength(stored.text) });
      if (first === undefined) continue;
      if (piece.number > before.number + 1) yield leftOut(first);
      yield first;
      yield* more;
    }
  }
}

function attemptOf({ execution, step, attempt }: LogPiece): string {
  return `${execution}/${step}/${attempt}`;
}

function parseLine(text: string, { step, attempt }: LogPiece): LogLine {
  const { level, time, msg = '', run: _, step: __, attempt: ___, ...fields } = JSON.parse(text);
  return { time, step, attempt, level: levels[level] ?? 'trace', message: msg, fields };
}

function leftOut(next: LogLine): LogLine {
  const { pieceBytes, headPieces, tailPieces } = logLimits;
  const mebibytes = (pieces: number) => (pieces * pieceBytes) / (1 << 20);
  return {
    ...next,
    level: 'warn',
    message: `lines are left out here: of one attempt the first ${mebibytes(headPieces)} and the last ${mebibytes(tailPieces)} MiB are kept`,
    fields: {},
  };
}

/** The lines of several attempts, each in order of time, as one in order of time. */
async function* inOrder(attempts: AsyncGenerator<LogLine>[]): AsyncGenerator<LogLine> {
  const begin = async (rest: AsyncGenerator<LogLine>) => ({ rest, head: await rest.next() });
  const heads = await Promise.all(attempts.map(begin));
  for (;;) {
    let earliest: { rest: AsyncGenerator<LogLine>; line: LogLine; at: number } | undefined;
    heads.forEach(({ rest, head }, at) => {
      if (head.done) return;
      if (earliest === undefined || head.value.time < earliest.line.time)
        earliest = { rest, line: head.value, at };
    });
    if (earliest === undefined) return;
    yield earliest.line;
    heads[earliest.at] = await begin(earliest.rest);
  }
}

/** A line for people: when, which step and attempt, how bad, what; a stack trace below it. */
export function lineText({ time, step, attempt, level, message, fields }: LogLine, width: number): string {
  const { err, ...rest } = fields;
  const { stack, message: why } = (err ?? {}) as { stack?: string; message?: string };
  const told = Object.entries(rest).map(([name, value]) => {
    return `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
  });
  const when = new Date(time).toISOString().slice(0, 19).replace('T', ' ');
  const where = `${step}#${attempt}`.padEnd(width);
  const text = [message, ...told].join('  ');
  const below = (stack ?? why)?.split('\n').map((line) => `    ${line}`) ?? [];
  return stripVTControlCharacters([`${when}  ${where}  ${level.padEnd(5)}  ${text}`, ...below].join('\n'));
}
