import { expect, test } from 'vitest';
import type { StepForecast } from '../activities/forecast.ts';
import { forecastTable, forecastTotals, totalsText, trainingTexts } from './forecast.ts';

const hit: StepForecast = {
  id: 'faces',
  uses: 'ingest',
  expect: 'reuse',
  reason: 'hit: made by run a',
  dependsOn: [],
};
const miss: StepForecast = {
  id: 'people',
  uses: 'index',
  expect: 'run',
  reason: 'miss: test 0 -> 1',
  dependsOn: [],
  estimate: { seconds: 1.5, from: 'place' },
};
const open: StepForecast = {
  id: 'train',
  uses: 'train',
  expect: 'open',
  reason: 'depends on people',
  dependsOn: ['people'],
  estimate: { seconds: 90, from: 'kind' },
};

test('a row says what is expected of a step, how long it takes and why', () => {
  const { estimate: _, ...unknown } = miss;
  const rows = forecastTable([hit, miss, open, unknown]).split('\n');
  expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
    ['Step', 'Expected', 'Time', 'Why'],
    ['faces', 'reuse', 'hit: made by run a'],
    ['people', 'run', 'about 1.5 s', 'miss: test 0 -> 1'],
    ['train', 'open', 'about 1 min 30 s, as others of its kind', 'depends on people'],
    ['people', 'run', 'unknown', 'miss: test 0 -> 1'],
  ]);
});

test.each<[StepForecast[], string]>([
  [[hit], '1 step reused, 0 to run.'],
  [[hit, hit, miss], '2 steps reused, 1 to run (about 1.5 s).'],
  [
    [miss, open, open],
    '0 steps reused, 1 to run (about 1.5 s), 2 open until those they depend on are done (about 3 min 00 s if all run).',
  ],
])('the sum of it is one sentence: %#', (steps, text) => {
  expect(totalsText(forecastTotals(steps))).toBe(text);
});

test('what is skipped or fails takes no time, and what waits for a person is told as that', () => {
  const skipped: StepForecast = { ...hit, expect: 'skip', reason: 'when is false: params.full' };
  const failing: StepForecast = { ...hit, expect: 'fail', reason: 'it divides by zero' };
  const steps: StepForecast[] = [
    { ...hit, approve: true },
    { ...miss, approve: true },
    skipped,
    skipped,
    failing,
  ];
  expect(totalsText(forecastTotals(steps))).toBe(
    '1 step reused, 1 to run (about 1.5 s), 2 skipped, 1 to fail. 2 steps to be approved by a person.',
  );
  expect(forecastTotals(steps)).toMatchObject({ reuse: 1, skip: 2, fail: 1, approve: 2 });
  const rows = forecastTable(steps).split('\n');
  expect(rows.slice(1, 4).map((row) => row.split(/ {2,}/))).toEqual([
    ['faces', 'reuse', 'waits for approval; hit: made by run a'],
    ['people', 'run', 'about 1.5 s', 'waits for approval; miss: test 0 -> 1'],
    ['faces', 'skip', 'when is false: params.full'],
  ]);
});

test('the time is unknown when that of one step is', () => {
  const { estimate: _, ...unknown } = miss;
  expect(forecastTotals([miss, unknown])).toMatchObject({ runSeconds: null, openSeconds: 0 });
  expect(totalsText(forecastTotals([unknown]))).toBe('0 steps reused, 1 to run (time unknown).');
});

test('a training that goes on says at which step, what is left and what that saves', () => {
  const training = { step: 286, steps: 500, seconds: 11_520 };
  const going: StepForecast = { ...miss, id: 'train', training, estimate: { seconds: 41, from: 'training' } };
  expect(trainingTexts([hit, miss, going, { ...going, training: { step: 286, seconds: 11_520 } }])).toEqual([
    'train goes on at training step 286 of 500: 214 to go, about 41.0 s; saves 3 h 12 min',
    'train goes on at training step 286; saves 3 h 12 min',
  ]);
  expect(forecastTable([going])).toMatch(/about 41\.0 s +miss: test 0 -> 1; goes on at training step 286$/);
});
