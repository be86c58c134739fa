import { expect, it } from 'vitest';
import { obstacleOf } from './obstacle.ts';

const state = (id: string, status: string, tolerated?: true) =>
  [id, { id, status, ...(tolerated && { tolerated }) }] as const;
const need = (ids: string[], gathered: boolean) => ({ step: 'any', ids, gathered, whole: true });
const enough = () => undefined;
const states = new Map([
  state('done', 'done'),
  state('failed', 'failed'),
  state('allowed', 'failed', true),
  state('skipped', 'skipped', true),
]);

it.each([
  ['nothing is needed', []],
  ['what is needed is done', [need(['done'], false)]],
  ['a gather has one that is done', [need(['allowed', 'done', 'skipped'], true)]],
])('an instance runs when %s', (_, needs) => {
  expect(obstacleOf(needs, states, enough)).toBeUndefined();
});

it.each([
  ['needs failed, which failed', false, [need(['failed'], false)]],
  ['needs allowed, which failed', true, [need(['done', 'allowed'], false)]],
  ['needs allowed, which failed, and 1 more', true, [need(['allowed', 'skipped'], true)]],
  // A run that fails is resumed, and then the gather has all of them.
  ['needs failed, which failed', false, [need(['done', 'failed'], true)]],
  [
    'needs skipped, which was skipped, and 1 more',
    false,
    [need(['skipped'], false), need(['failed'], false)],
  ],
])('%s', (reason, tolerated, needs) => {
  expect(obstacleOf(needs, states, enough)).toEqual({ reason, tolerated });
});

it('a gather of all instances does not do with too few, whatever a gather of a part of them does', () => {
  const short = () => ({ step: 'train', done: 1, total: 4, least: 3 });
  const gather = need(['allowed', 'done'], true);
  expect(obstacleOf([gather], states, short)).toEqual({
    reason: 'needs any, but of train 1 of 4 instances are done, and `minSuccess` asks for 3',
    tolerated: false,
  });
  expect(obstacleOf([{ ...gather, whole: false }], states, short)).toBeUndefined();
});
