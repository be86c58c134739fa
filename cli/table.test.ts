import { expect, it } from 'vitest';
import type { RunState } from '../workflows/runTypes.ts';
import { answersTable, failuresOf, queueTexts, stepCounts, stepTable } from './table.ts';

const run: RunState = {
  pipeline: 'p',
  summary: 's',
  source: '',
  params: {},
  status: 'failed',
  startedAt: 0,
  steps: [
    {
      id: 'faces',
      uses: 'ingest',
      status: 'done',
      attempts: 0,
      cache: 'hit: made by run a',
      startedAt: 0,
      endedAt: 40,
      metrics: { instances: 1_234_567 },
    },
    {
      id: 'report',
      uses: 'evaluate',
      status: 'failed',
      attempts: 2,
      cache: 'miss: first time here',
      startedAt: 40,
      endedAt: 60_940,
      waitedMs: 60_000,
      error: { code: 'F2C_STEP_TIMEOUT', message: 'The step ran longer than its timeout.' },
      metrics: { accuracy: 0.97333333 },
    },
    { id: 'table', uses: 'compare', status: 'skipped', attempts: 0 },
  ],
};

it('has a name for every column, counts in full, other metrics rounded, and only the code of a failure', () => {
  expect(stepTable(run)).toBe(
    [
      'Step    Status   Time    Waited      Attempts  Metrics            Why',
      'faces   done     40 ms                         instances 1234567  hit: made by run a',
      'report  failed   900 ms  1 min 00 s  2         accuracy 0.9733    F2C_STEP_TIMEOUT; miss: first time here',
      'table   skipped',
    ].join('\n'),
  );
});

it('counts what became of the steps', () => {
  expect(stepCounts(run)).toBe('1 done, 1 failed, 1 skipped; 1 from the store');
});

it('says of what failed or was skipped whether the run goes on, and why', () => {
  const error = { code: 'F2C_LOSS_NOT_FINITE', message: 'The loss is NaN.' };
  const state: RunState = {
    ...run,
    steps: [
      { id: 'train', uses: 'train', status: 'failed', attempts: 1, error, tolerated: true },
      {
        id: 'model',
        uses: 'export',
        status: 'skipped',
        attempts: 0,
        reason: 'needs train, which failed',
        tolerated: true,
      },
    ],
  };
  expect(stepTable(state).split('\n').slice(1)).toEqual([
    'train  failed                 1                  F2C_LOSS_NOT_FINITE (the run goes on without it)',
    'model  skipped                                   needs train, which failed',
  ]);
  expect(failuresOf(state)).toEqual(['\ntrain failed, and the run goes on without it: The loss is NaN.']);
});

it('says what people have told a run and its steps, in order of time', () => {
  expect(answersTable(run)).toBe('');
  const [faces, ...others] = run.steps;
  const told: RunState = {
    ...run,
    answers: [{ action: 'pause', at: 2_000, who: 'bob', note: 'the disk is needed' }],
    steps: [
      {
        ...(faces as RunState['steps'][number]),
        answers: [{ action: 'retry', at: 1_000, changes: ['images 1 -> 2'] }],
      },
      ...others,
    ],
  };
  expect(answersTable(told)).toBe(
    [
      'Told     Answer                At (UTC)             By   Note',
      'faces    retry, images 1 -> 2  1970-01-01 00:00:01',
      'the run  pause                 1970-01-01 00:00:02  bob  the disk is needed',
    ].join('\n'),
  );
});

it('says of a step that is tried again why it runs, and beside it what has failed', () => {
  const error = { code: 'F2C_WORKER_STOPPED', message: 'The worker was shut down.' };
  const cache = 'miss: images 9000 -> 30000';
  const train = { id: 'train', uses: 'train', status: 'running', attempts: 2, error, cache } as const;
  expect(stepTable({ ...run, steps: [train] })).toContain(`  ${cache}; after F2C_WORKER_STOPPED`);
  expect(failuresOf({ ...run, steps: [train] })).toEqual([
    '\ntrain running: after The worker was shut down.',
  ]);
  const cancelled = { ...train, status: 'cancelled' } as const;
  expect(stepTable({ ...run, steps: [cancelled] })).toMatch(new RegExp(`  ${cache}$`));
  expect(failuresOf({ ...run, steps: [cancelled] })).toEqual([]);
});

it('says once a queue what waits there for a worker', () => {
  const at = (id: string, since: number, queue = 'gpu-a100') => {
    const atQueue = { queue, role: 'gpu', since, served: queue === 'gpu' };
    return { id, uses: 'train', status: 'running', attempts: 1, atQueue } as const;
  };
  expect(queueTexts({ ...run, steps: [at('a', 60_000), at('b', 0), at('c', 0), at('d', 0, 'gpu')] })).toEqual(
    [
      '\na (and 2 more) waits: no worker polls the queue gpu-a100 since 1970-01-01 00:00 UTC; ' +
        'start one: `node --import tsx workers/main.ts --role gpu --queue gpu-a100`',
      '\nd waits for a free worker since 1970-01-01 00:00 UTC',
    ],
  );
  expect(queueTexts(run)).toEqual([]);
});
