import { expect, it } from 'vitest';
import type { RunState } from '../workflows/runTypes.ts';
import { stepCounts, stepTable } from './table.ts';

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
