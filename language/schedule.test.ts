import { describe, expect, test } from 'vitest';
import { readPipeline } from './check.ts';
import { header, problemsOf, registry } from './testing.ts';

const rest =
  'steps: { a: { uses: ingest, with: { source: "${{ params.source }}" } } }\nparams: { source: { type: string } }\n';

function scheduleOf(schedule: string) {
  const read = readPipeline(`${header}${rest}schedule: ${schedule}\n`, registry);
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read.pipeline.schedule;
}

test('has defaults', () => {
  expect(scheduleOf('{ cron: "0 3 * * 0", params: { source: x } }')).toEqual({
    cron: '0 3 * * 0',
    timezone: 'UTC',
    overlap: 'skip',
    catchupMs: 3_600_000,
    params: { source: 'x' },
  });
});

test('is read as it stands', () => {
  const schedule =
    '{ cron: "0 3 * * sun", timezone: Europe/Berlin, overlap: cancelOther, catchup: 1d, params: { source: x } }';
  expect(scheduleOf(schedule)).toEqual({
    cron: '0 3 * * sun',
    timezone: 'Europe/Berlin',
    overlap: 'cancelOther',
    catchupMs: 86_400_000,
    params: { source: 'x' },
  });
});

test('a pipeline without one has none', () => {
  const read = readPipeline(`${header}${rest}`, registry);
  expect(read).toHaveProperty('pipeline');
  expect(read).not.toHaveProperty('pipeline.schedule');
});

describe('faults', () => {
  const given = 'params: { source: x }';
  test.each([
    [`{ ${given} }`, '5:1 8 `cron` is missing'],
    [
      `{ cron: "0 3 * *", ${given} }`,
      '5:19 9 `cron` must have five fields: minute, hour, day of month, month, day of week',
    ],
    [`{ cron: 3, ${given} }`, '5:19 1 `cron` must be a string, not 3'],
    [
      `{ cron: "0 3 * * 0", timezone: Europe/Berln, ${given} }`,
      '5:42 12 `timezone` must be a time zone such as UTC or Europe/Berlin [Europe/Berlin]',
    ],
    [
      `{ cron: "0 3 * * 0", overlap: Skip, ${given} }`,
      '5:41 4 `overlap` must be one of skip, bufferOne, bufferAll, cancelOther, terminateOther, allowAll [skip]',
    ],
    [
      `{ cron: "0 3 * * 0", catchup: 0, ${given} }`,
      '5:41 1 `catchup` must be a duration such as 90s, 30m, 12h or 7d',
    ],
    [`{ cron: "0 3 * * 0", paused: true, ${given} }`, '5:32 6 `paused` is not a key of a schedule'],
    ['{ cron: "0 3 * * 0" }', '5:1 8 In `params` of the schedule, `source` is missing: a string'],
    ['{ cron: "0 3 * * 0", params: { source: 3 } }', '5:50 1 `source` must be a string, not 3'],
    ['{ cron: "0 3 * * 0", params: { source: x, sorce: y } }', '5:53 5 `sorce` is not a param [source]'],
  ])('%s', (schedule, problem) => {
    expect(problemsOf(`${header}${rest}schedule: ${schedule}\n`)).toEqual([problem]);
  });
});
