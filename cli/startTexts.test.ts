import { expect, it } from 'vitest';
import { startTexts } from './runs.ts';

it('tells in Temporal what a run was started with, and which steps were chosen', () => {
  const input = {
    pipeline: 'weekly',
    params: { images: 5 },
    force: ['train[head=dcp]'],
    only: ['model', 'table'],
  };
  const { staticSummary, staticDetails } = startTexts({ name: 'weekly', input }, 'weekly-1');
  expect(staticSummary).toBe('Pipeline weekly');
  expect(staticDetails.split('\n').slice(0, 9)).toEqual([
    'Params that were given:',
    '',
    '- `images=5`',
    '',
    'Steps that were chosen:',
    '',
    '- `--force train[head=dcp]`',
    '- `--only model`',
    '- `--only table`',
  ]);
  const plain = startTexts({ name: 'weekly', input: { pipeline: 'weekly' } });
  expect(plain.staticDetails).not.toContain('chosen');
});
