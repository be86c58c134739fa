import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { type Attempt, logLimits, logPieces } from '../artifacts/logs.ts';
import { openStore } from '../artifacts/store.ts';
import { type LogLine, LogReader } from '../cli/logs.ts';
import { F2cError } from '../errors/failure.ts';
import { eventually } from '../test/support/runs.ts';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { progressLog, withAttemptLog } from './attemptLog.ts';
import { LogPieces } from './logPieces.ts';

let server: TestStore;
let folder: string;

beforeAll(async () => {
  server = await startTestStore();
  folder = await mkdtemp(join(tmpdir(), 'f2c-log-'));
}, 120_000);

afterEach(() => vi.unstubAllEnvs());

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true });
});

const attemptOf = (run: string, step = 'train[head=dcp]'): Attempt => ({
  run,
  execution: 'an-execution',
  step,
  attempt: 1,
});

const readerOf = (run: string) =>
  new LogReader(server.store.bucket, { run, execution: 'an-execution', isWanted: () => true });

async function linesOf(reader: LogReader): Promise<LogLine[]> {
  const lines = [];
  for await (const line of reader.next()) lines.push(line);
  return lines;
}

/** An attempt whose work is `work`; gives what went to the worker's own log. */
async function attempt(run: string, work: (log: Logger) => Promise<void>, stopped?: string): Promise<string> {
  const workerLog: string[] = [];
  const settings = {
    folder: join(folder, run.replaceAll('/', '-')),
    bucket: server.store.bucket,
    workerLog: { write: (line: string) => workerLog.push(line) },
    stopped: () => stopped,
  };
  await withAttemptLog(attemptOf(run), settings, work).catch(() => {});
  return workerLog.join('');
}

it('is in the store while the attempt goes on, and whole at its end', async () => {
  const reader = readerOf('going/on');
  const workerLog = await attempt('going/on', async (log) => {
    log.info({ from: 'trainer' }, 'a first line');
    const lines: LogLine[] = [];
    await eventually(async () => {
      lines.push(...(await linesOf(reader)));
      return lines.length === 2 ? true : undefined;
    });
    expect(lines.map(({ message }) => message)).toEqual(['attempt 1 begins', 'a first line']);
    expect(lines[1]).toMatchObject({ step: 'train[head=dcp]', attempt: 1, level: 'info' });
    expect(lines[1]?.fields).toEqual({ from: 'trainer' });
    log.debug('one for the curious');
    log.warn('ä'.repeat(20_000));
  });
  const [curious, long, ...more] = await linesOf(reader);
  expect(curious).toMatchObject({ level: 'debug', message: 'one for the curious' });
  expect(long?.message).toBe(`${'ä'.repeat(16_384)} … (3616 characters more)`);
  expect(more.map(({ message }) => message)).toEqual(['done']);
  expect(workerLog).toContain('a first line');
  expect(workerLog).not.toContain('one for the curious');
});

it('says how the attempt ended', async () => {
  const full = new F2cError('F2C_POOL_TOO_SMALL', { what: 'The pool is too small' });
  await attempt('failed', () => Promise.reject(full));
  await attempt('crashed', () => Promise.reject(new TypeError('no such thing')));
  await attempt('stopped', () => Promise.reject(full), 'its worker is shut down');
  const lastOf = async (run: string) => (await linesOf(readerOf(run))).at(-1);
  const failed = {
    level: 'error',
    message: 'The pool is too small.',
    fields: { code: 'F2C_POOL_TOO_SMALL' },
  };
  expect(await lastOf('failed')).toMatchObject(failed);
  const crashed = await lastOf('crashed');
  expect(crashed).toMatchObject({ level: 'error', fields: { err: { message: 'no such thing' } } });
  expect(JSON.stringify(crashed?.fields)).toContain('attemptLog.test.ts');
  expect(await lastOf('stopped')).toMatchObject({
    level: 'warn',
    message: 'stopped: its worker is shut down',
  });
});

it('holds no secret of the environment, whoever wrote it', async () => {
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'sesame "1234567');
  vi.stubEnv('SOME_TOKEN', '1234567');
  const workerLog = await attempt('secret', async (log) => {
    log.info({ config: { key: 'sesame "1234567', count: 1234567 } }, 'token 1234567');
    throw new Error('denied for sesame "1234567');
  });
  const lines = await linesOf(readerOf('secret'));
  expect(lines[1]).toMatchObject({
    message: 'token ***SOME_TOKEN***',
    fields: { config: { key: '***AWS_SECRET_ACCESS_KEY***', count: 1234567 } },
  });
  expect(JSON.stringify(lines) + workerLog).not.toContain('sesame');
});

it('says how far a step is once in a while', () => {
  const told: string[] = [];
  const log = progressLog({ info: (text: string) => told.push(text) } as unknown as Logger);
  for (let done = 1; done <= 1_000; done++) log({ done, total: 1_000, unit: 'images', note: 'all well' });
  expect(told).toEqual(['1/1000 images: all well']);
});

it('keeps the beginning and the end of a log that is too large, and says so', async () => {
  const { pieceBytes, headPieces, tailPieces } = logLimits;
  const path = join(folder, 'large');
  const bucket = server.store.bucket;
  const log = new LogPieces(attemptOf('large'), { folder: path, bucket, onFailure: () => {} });
  const count = 3 * (headPieces + tailPieces);
  const text = 'x'.repeat(pieceBytes - 100);
  for (let i = 1; i <= count; i++)
    log.write(`${JSON.stringify({ level: 30, time: i, msg: `${i} ${text}` })}\n`);
  expect((await readdir(path)).length).toBe(headPieces + tailPieces);
  await log.close();

  const numbers = [];
  for await (const { number } of logPieces(bucket, 'large')) numbers.push(number);
  const kept = Array.from({ length: count }, (_, i) => i + 1).filter(
    (number) => number <= headPieces || number > count - tailPieces,
  );
  expect(numbers).toEqual(kept);
  const lines = await linesOf(readerOf('large'));
  expect(lines.map(({ time }) => time)).toEqual(kept.toSpliced(headPieces, 0, kept[headPieces] as number));
  expect(lines[headPieces]).toMatchObject({
    level: 'warn',
    message: 'lines are left out here: of one attempt the first 4 and the last 28 MiB are kept',
  });
}, 120_000);

it('goes on after the pieces of the same attempt that was set back', async () => {
  await attempt('again', async (log) => log.info('the first time'));
  await rm(join(folder, 'again'), { recursive: true });
  await attempt('again', async (log) => log.info('the second time'));
  const messages = (await linesOf(readerOf('again'))).map(({ message }) => message);
  expect(messages).toEqual([
    ...['attempt 1 begins', 'the first time', 'done'],
    ...['attempt 1 begins', 'the second time', 'done'],
  ]);
});

it('knows what it has stored itself, though the answer was lost', async () => {
  const bucket = openStore(server.env).bucket;
  const create = bucket.create.bind(bucket);
  vi.spyOn(bucket, 'create').mockImplementationOnce(async (key, text) => {
    await create(key, text);
    throw new Error('the answer is lost');
  });
  const failures: unknown[] = [];
  const path = join(folder, 'lost');
  const log = new LogPieces(attemptOf('lost'), { folder: path, bucket, onFailure: (e) => failures.push(e) });
  log.write('{"level":30,"time":1,"msg":"first"}\n');
  await eventually(() => (failures.length > 0 ? true : undefined));
  log.write('{"level":30,"time":2,"msg":"second"}\n');
  await log.close();
  expect((await linesOf(readerOf('lost'))).map(({ message }) => message)).toEqual(['first', 'second']);
});

it('a store that does not answer neither stops the step nor is told again and again', async () => {
  const failures: unknown[] = [];
  const { bucket } = openStore({ ...server.env, AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' });
  const path = join(folder, 'away');
  const log = new LogPieces(attemptOf('away'), { folder: path, bucket, onFailure: (e) => failures.push(e) });
  log.write('{}\n');
  await eventually(() => (failures.length > 0 ? true : undefined));
  await log.close();
  expect(failures).toMatchObject([{ code: 'F2C_STORE_UNREACHABLE' }]);
});

it('tells several attempts in order of time', async () => {
  const { bucket } = server.store;
  const write = (step: string, number: number, times: number[]) => {
    const lines = times.map((time) => `${JSON.stringify({ level: 30, time, msg: `${step} ${time}` })}\n`);
    return bucket.write(`logs/mixed/an-execution/${step}/${number}/000001.jsonl`, `${lines.join('')}`);
  };
  await write('faces', 1, [1, 4, 4, 9]);
  await write('train', 1, [2, 3]);
  await write('train', 2, [5, 10]);
  const lines = await linesOf(readerOf('mixed'));
  expect(lines.map(({ time }) => time)).toEqual([1, 2, 3, 4, 4, 5, 9, 10]);
  expect(lines.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1, 1, 2, 1, 2]);
});
