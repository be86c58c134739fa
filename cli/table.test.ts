import { expect, it } from 'vitest';
import type { RunState } from '../workflows/runTypes.ts';
import { failuresOf, stepCounts, stepTable } from './table.ts';

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
      endedAt: 940,
      error: { code: 'F2C_STEP_TIMEOUT', message: 'The step ran longer than its timeout.' },
      metrics: { accuracy: 0.97333333 },
    },
    { id: 'table', uses: 'compare', status: 'skipped', attempts: 0 },
  ],
};

it('has a name for every column, counts in full, other metrics rounded, and only the code of a failure', () => {
  expect(stepTable(run)).toBe(
    [
      'Step    Status   Time    Attempts  Metrics            Why',
      'faces   done     40 ms             instances 1234567  hit: made by run a',
      'report  failed   900 ms  2         accuracy 0.9733    F2C_STEP_TIMEOUT',
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
    'train  failed         1                  F2C_LOSS_NOT_FINITE (the run goes on without it)',
    'model  skipped                           needs train, which failed',
  ]);
  expect(failuresOf(state)).toEqual(['\ntrain failed, and the run goes on without it: The loss is NaN.']);
});
