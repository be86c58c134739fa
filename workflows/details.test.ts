import { expect, it } from 'vitest';
import { runDetails } from './details.ts';

it('writes the state of a run as a Markdown table, with nothing that could break it', () => {
  const details = runDetails({
    pipeline: 'weekly',
    summary: 'Trains every week',
    source: 'abc',
    params: {},
    status: 'failed',
    startedAt: 0,
    error: { code: 'F2C_RUN_FAILED', message: 'a | b' },
    steps: [
      {
        id: 'faces',
        uses: 'ingest',
        status: 'done',
        attempts: 1,
        cache: 'hit: made by run x',
        metrics: { identities: 40 },
      },
      {
        id: 'train[head=dcp]',
        uses: 'train',
        status: 'failed',
        attempts: 2,
        error: { code: 'F2C_LOSS_NOT_FINITE', message: 'NaN\nat step 3' },
      },
    ],
  });
  expect(details).toBe(
    [
      '**weekly**: Trains every week',
      '',
      'Status: **failed** · F2C_RUN_FAILED: a \\| b',
      '',
      '| | Step | Status | |',
      '| --- | --- | --- | --- |',
      '| ✔ | faces | done | hit: made by run x · identities 40 |',
      '| ✘ | train[head=dcp] | failed | F2C_LOSS_NOT_FINITE: NaN at step 3 · attempt 2 |',
    ].join('\n'),
  );
});
