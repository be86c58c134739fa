import { expect, it } from 'vitest';
import { sumOf, tallyOf } from './outcomes.ts';

it('tells those at work from those that wait for their turn', () => {
  const of = (status: string, attempts: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ id: `many[i=${status}${i}]`, status, attempts }));
  const part = tallyOf([
    ...of('done', 1, 5),
    ...of('running', 1, 20),
    ...of('running', 0, 2),
    ...of('queued', 0, 7),
    ...of('retrying', 1, 1),
    ...of('waiting', 0, 3),
    ...of('cancelled', 0, 1),
  ]);
  expect(part).toMatchObject({ total: 39, done: 5, running: 20, queued: 8 });
  expect(sumOf(100, [part, tallyOf(of('queued', 0, 2)), tallyOf(of('done', 1, 1))])).toMatchObject({
    total: 100,
    done: 6,
    running: 20,
    queued: 10,
  });
  expect(tallyOf(of('done', 1, 1))).not.toHaveProperty('queued');
});
