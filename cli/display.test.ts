import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import type { RunState } from '../workflows/runTypes.ts';
import { openDisplay } from './display.ts';

const state = (steps: RunState['steps']): RunState => ({
  pipeline: 'p',
  summary: 's',
  source: '',
  params: {},
  status: 'running',
  startedAt: 0,
  steps,
});

it('writes a line for every change and every tenth when it is not on a terminal', () => {
  const stream = new PassThrough();
  const display = openDisplay(stream as unknown as NodeJS.WriteStream);
  const running = { id: 'train', uses: 'train', status: 'running', attempts: 1, startedAt: 0 } as const;
  const at = (done: number) => ({
    state: state([running, { id: 'model', uses: 'export', status: 'waiting', attempts: 0 }]),
    progress: new Map([['train', { done, total: 100, unit: 'steps', note: 'loss 1.000' }]]),
    queued: new Map<string, string>(),
  });
  display.show({ ...at(0), progress: new Map(), queued: new Map([['train', 'gpu']]) });
  for (const done of [3, 4, 9, 12]) display.show(at(done));
  display.show({
    state: state([{ ...running, status: 'done', endedAt: 2_500, cache: 'miss: first time here' }]),
    progress: new Map(),
    queued: new Map(),
  });
  display.end();
  expect(stream.read().toString()).toBe(
    [
      'train  waits for a worker of the queue gpu',
      'train  3/100 steps  loss 1.000',
      'train  12/100 steps  loss 1.000',
      'train  done  2.5 s  miss: first time here',
      '',
    ].join('\n'),
  );
});
