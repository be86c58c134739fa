import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import type { RunState, StepState } from '../workflows/runTypes.ts';
import { openDisplay } from './display.ts';

const stateOf = (steps: RunState['steps']): RunState => ({
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
    run: 'r',
    state: stateOf([running, { id: 'model', uses: 'export', status: 'waiting', attempts: 0 }]),
    progress: new Map([['train', { done, total: 100, unit: 'steps', note: 'loss 1.000' }]]),
  });
  display.show({
    run: 'r',
    state: stateOf([{ ...running, attempts: 0 }]),
    progress: new Map(),
  });
  // The look-up is over, and the first attempt begins: nothing new to see.
  display.show({ ...at(0), progress: new Map() });
  for (const served of [true, false]) {
    const atQueue = { queue: 'gpu-a100', role: 'gpu', since: 0, served };
    display.show({ run: 'r', state: stateOf([{ ...running, atQueue }]), progress: new Map() });
  }
  for (const done of [3, 4, 9, 12]) display.show(at(done));
  display.show({
    run: 'r',
    state: stateOf([{ ...running, status: 'done', endedAt: 2_500, cache: 'miss: first time here' }]),
    progress: new Map(),
  });
  display.end();
  expect(stream.read().toString()).toBe(
    [
      'train  running',
      'train  waits for a free worker since 1970-01-01 00:00 UTC',
      'train  waits: no worker polls the queue gpu-a100 since 1970-01-01 00:00 UTC; ' +
        'start one: `node --import tsx workers/main.ts --role gpu --queue gpu-a100`',
      'train  3/100 steps  loss 1.000',
      'train  12/100 steps  loss 1.000',
      'train  done  2.5 s  miss: first time here',
      '',
    ].join('\n'),
  );
});

it('says why a step is tried again, and of one that failed only the code: the run says the rest', () => {
  const stream = new PassThrough();
  const display = openDisplay(stream as unknown as NodeJS.WriteStream);
  const step = { id: 'faces', uses: 'ingest', attempts: 1, startedAt: 0 };
  const error = { code: 'F2C_STORE_UNREACHABLE', message: 'The S3 server does not answer.' };
  const show = (state: StepState) => display.show({ run: 'r', state: stateOf([state]), progress: new Map() });
  show({ ...step, status: 'retrying', error });
  show({ ...step, status: 'failed', endedAt: 900, error });
  expect(stream.read().toString()).toBe(
    [
      'faces  retrying  F2C_STORE_UNREACHABLE: The S3 server does not answer.',
      'faces  failed  F2C_STORE_UNREACHABLE  900 ms',
      '',
    ].join('\n'),
  );
});

it('says of a step that is held why, and how to answer it', () => {
  const stream = new PassThrough();
  const display = openDisplay(stream as unknown as NodeJS.WriteStream);
  const error = { code: 'F2C_LOSS_NOT_FINITE', message: 'The loss is NaN.' };
  const train: StepState = { id: 'train[head=fc]', uses: 'train', status: 'held', attempts: 1, error };
  display.show({ run: 'w-1', state: stateOf([train]), progress: new Map() });
  expect(stream.read().toString()).toBe(
    'train[head=fc]  held  F2C_LOSS_NOT_FINITE: The loss is NaN.  answer with ' +
      "`npx f2c retry w-1 'train[head=fc]'` (`--with name=value` changes a param), " +
      "`npx f2c skip w-1 'train[head=fc]'` or `npx f2c fail w-1 'train[head=fc]'`\n",
  );
});

it('says of a paused step how it goes on, with the run if that is paused', () => {
  const stream = new PassThrough();
  const display = openDisplay(stream as unknown as NodeJS.WriteStream);
  const train: StepState = { id: 'train', uses: 'train', status: 'pausing', attempts: 1, paused: { at: 0 } };
  const show = (state: RunState) => display.show({ run: 'w-1', state, progress: new Map() });
  show(stateOf([train]));
  show(stateOf([{ ...train, status: 'paused' }]));
  show({
    ...stateOf([{ id: 'faces', uses: 'ingest', status: 'paused', attempts: 0 }, train]),
    paused: { at: 0 },
  });
  expect(stream.read().toString()).toBe(
    [
      'train  pausing',
      'train  paused  go on with `npx f2c continue w-1 train`',
      'faces  paused  go on with `npx f2c continue w-1`',
      'train  pausing',
      '',
    ].join('\n'),
  );
});
