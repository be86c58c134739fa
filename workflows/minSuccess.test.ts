import { beforeAll, expect, it } from 'vitest';
import { f2c } from '../test/support/cli.ts';
import { stepOf } from '../test/support/runs.ts';
import { folder, runs, stack, withStack } from '../test/support/served.ts';
import { outcomes, splitting, writePeople } from './people.fixture.ts';

withStack();
beforeAll(() => writePeople(folder));

it('goes on without what failed while enough instances are done', async () => {
  const handle = await runs.start(splitting(folder, 'matrix: { test: [2, 50] }\n    minSuccess: 0.5'));
  const state = await runs.ended(handle);
  expect(state.error).toBeUndefined();
  expect(stepOf(state, 'people[test=50]')).toMatchObject({ status: 'failed', tolerated: true });
  const table = stepOf(state, 'table').artifact;
  expect(table && (await runs.store.load(table)).facts).toMatchObject({ labels: ['2 people'] });
  expect(await handle.result()).toMatchObject({
    failed: { 'people[test=50]': { code: 'F2C_TOO_FEW_IDENTITIES' } },
  });
}, 120_000);

it('fails the run when there are too few, and what gathers them is skipped', async () => {
  const handle = await runs.start(splitting(folder, 'matrix: { test: [2, 3, 50] }\n    minSuccess: 0.7'));
  const state = await runs.ended(handle);
  expect(state).toMatchObject({ status: 'failed', error: { code: 'F2C_TOO_FEW_DONE' } });
  expect(state.error?.message).toMatch(
    /^Of people 2 of 3 instances are done, and `minSuccess` asks for 3\. What failed first:\npeople\[test=50\]: F2C_TOO_FEW_IDENTITIES: /,
  );
  expect(stepOf(state, 'people[test=50]').tolerated).toBeUndefined();
  expect(outcomes(state).slice(3)).toEqual([
    ['people[test=50]', 'failed'],
    ['report[test=2]', 'done'],
    ['report[test=3]', 'done'],
    ['report[test=50]', 'skipped', 'needs people[test=50], which failed'],
    [
      'table',
      'skipped',
      'needs report, but of people 2 of 3 instances are done, and `minSuccess` asks for 3',
    ],
  ]);
  const { stdout: shown } = await f2c(stack.env, 'show', handle.workflowId);
  expect(shown).toContain('F2C_TOO_FEW_DONE');
}, 120_000);
