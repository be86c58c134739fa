import { expect, it } from 'vitest';
import { runDetails } from './details.ts';

it('writes the state of a run as a Markdown table, with nothing that could break it', () => {
  const details = runDetails(
    {
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
    },
    'weekly-1',
  );
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

it('says of a step that is held why, and how to answer it', () => {
  const details = runDetails(
    {
      pipeline: 'weekly',
      summary: 'Trains every week',
      source: 'abc',
      params: {},
      status: 'held',
      startedAt: 0,
      steps: [
        {
          id: 'train[head=dcp]',
          uses: 'train',
          status: 'held',
          attempts: 2,
          error: { code: 'F2C_LOSS_NOT_FINITE', message: 'NaN' },
          answers: [{ action: 'retry', at: 1, who: 'ann', changes: ['learningRate 0.1 -> 0.02'] }],
        },
      ],
    },
    'weekly-1',
  );
  expect(details.split('\n').slice(6)).toEqual([
    '| ‖ | train[head=dcp] | held | F2C_LOSS_NOT_FINITE: NaN · retry by ann, learningRate 0.1 -> 0.02 · attempt 2 |',
    '',
    '**train[head=dcp]** is held: F2C_LOSS_NOT_FINITE: NaN',
    '',
    "Mend the cause and answer with `npx f2c retry weekly-1 'train[head=dcp]'` (`--with name=value` changes a " +
      "param), `npx f2c skip weekly-1 'train[head=dcp]'` or `npx f2c fail weekly-1 'train[head=dcp]'`; or send " +
      'the update `answer` with `{"step":"train[head=dcp]","action":"retry","with":{}}`.',
  ]);
});

it('says of a step that waits for approval how to answer it, and what happens without an answer', () => {
  const details = runDetails(
    {
      pipeline: 'weekly',
      summary: 'Trains every week',
      source: 'abc',
      params: {},
      status: 'held',
      startedAt: 0,
      steps: [
        {
          id: 'model',
          uses: 'export',
          status: 'awaiting approval',
          attempts: 0,
          deadline: { at: Date.UTC(2026, 3, 1, 9, 30), action: 'reject' },
        },
      ],
    },
    'weekly-1',
  );
  expect(details.split('\n').slice(6)).toEqual([
    '| ? | model | awaiting approval |  |',
    '',
    '**model** waits for approval',
    '',
    'Answer with `npx f2c approve weekly-1 model` or `npx f2c reject weekly-1 model`; at 2026-04-01 09:30 UTC: reject; ' +
      'or send the update `answer` with `{"step":"model","action":"approve","who":"","note":""}`.',
  ]);
});

it('says what is paused, by whom and why, and how it goes on', () => {
  const at = Date.UTC(2026, 3, 1, 9, 30);
  const details = runDetails(
    {
      pipeline: 'weekly',
      summary: 'Trains every week',
      source: 'abc',
      params: {},
      status: 'paused',
      paused: { at, who: 'ann', note: 'a|b' },
      startedAt: 0,
      steps: [{ id: 'train[head=fc]', uses: 'train', status: 'paused', attempts: 1, paused: { at } }],
    },
    'weekly-1',
  );
  expect(details.split('\n').slice(6)).toEqual([
    '| ⏸ | train[head=fc] | paused |  |',
    '',
    '**The run** is paused since 2026-04-01 09:30 UTC by ann: a\\|b',
    '',
    'Go on with `npx f2c continue weekly-1`; or send the update `continue` with `{}`.',
    '',
    '**train[head=fc]** is paused since 2026-04-01 09:30 UTC',
    '',
    "Go on with `npx f2c continue weekly-1 'train[head=fc]'`; or send the update `continue` with " +
      '`{"step":"train[head=fc]"}`.',
  ]);
});
