import { expect, it } from 'vitest';
import { obstacleOf } from './obstacle.ts';

const state = (id: string, status: string, tolerated?: true) =>
  [id, { id, status, ...(tolerated && { tolerated }) }] as const;
const states = new Map([
  state('done', 'done'),
  state('failed', 'failed'),
  state('allowed', 'failed', true),
  state('skipped', 'skipped', true),
]);

it.each([
  ['nothing is needed', []],
  ['what is needed is done', [{ ids: ['done'], gathered: false }]],
  ['a gather has one that is done', [{ ids: ['allowed', 'done', 'skipped'], gathered: true }]],
])('an instance runs when %s', (_, needs) => {
  expect(obstacleOf(needs, states)).toBeUndefined();
});

it.each([
  ['needs failed, which failed', false, [{ ids: ['failed'], gathered: false }]],
  ['needs allowed, which failed', true, [{ ids: ['done', 'allowed'], gathered: false }]],
  ['needs allowed, which failed and 1 more', true, [{ ids: ['allowed', 'skipped'], gathered: true }]],
  // A run that fails is resumed, and then the gather has all of them.
  ['needs failed, which failed', false, [{ ids: ['done', 'failed'], gathered: true }]],
  [
    'needs skipped, which was skipped and 1 more',
    false,
    [
      { ids: ['skipped'], gathered: false },
      { ids: ['failed'], gathered: false },
    ],
  ],
])('%s', (reason, tolerated, needs) => {
  expect(obstacleOf(needs, states)).toEqual({ reason, tolerated });
});
