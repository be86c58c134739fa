import { afterAll, beforeAll, expect, it } from 'vitest';
import { putOutcomes, putSlices } from '../artifacts/outcomes.ts';
import type { Outcome } from '../language/plan/outcomes.ts';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { askGathered, wholeTask } from './gathered.ts';
import { keyParts } from './tasks.ts';

let server: TestStore;
beforeAll(async () => {
  server = await startTestStore();
}, 60_000);
afterAll(() => server.stop());

const hex = (number: number) => number.toString(16).padStart(64, '0');

function made(step: string, places: number[], number: number): Outcome {
  const artifact = { kind: 'report' as const, key: hex(number), digest: hex(1_000_000 + number) };
  return {
    id: `${step}[${places}]`,
    step,
    places,
    status: 'done',
    attempts: 1,
    artifact,
    metrics: { eer: number },
  };
}

function missing(step: string, places: number[], fatal: boolean): Outcome {
  const id = `${step}[${places}]`;
  return { id, step, places, status: 'failed', attempts: 1, ...(!fatal && { tolerated: true as const }) };
}

async function kept(...slices: Outcome[][]) {
  await server.store.ensureBucket();
  const blobs = await Promise.all(slices.map(async (slice) => [await putOutcomes(server.store, slice)]));
  return await putSlices(server.store, blobs);
}

const task = { pipeline: 'p', run: 'r', step: 'table', uses: 'compare', version: 1, params: {} };

it('a gather is the artifacts of those done, in the order of the instances, as if a workflow had known them', async () => {
  const outcomes = await kept(
    [made('report', [0, 0], 1), made('index', [0, 0], 9), missing('report', [0, 1], false)],
    [made('report', [1, 0], 2), made('report', [1, 1], 3)],
  );
  const other = { kind: 'report' as const, key: hex(7), digest: hex(1_000_007) };
  const whole = await wholeTask(server.store, {
    ...task,
    inputs: { reports: [other, { outcomes, step: 'report' }], one: other },
  });
  expect(whole.inputs).toEqual({
    reports: [other, ...[1, 2, 3].map((number) => made('report', [], number).artifact)],
    one: other,
  });
  expect(keyParts(whole).inputs.reports).toEqual([7, 1, 2, 3].map((number) => hex(1_000_000 + number)));

  const part = { outcomes, step: 'report', places: [null, 0] };
  const { inputs } = await wholeTask(server.store, { ...task, inputs: { reports: [part] } });
  expect(inputs.reports).toEqual([1, 2].map((number) => made('report', [], number).artifact));
});

it('says what of a gather is there, and its metrics', async () => {
  const outcomes = await kept(
    [made('report', [0], 4), missing('report', [1], false)],
    [missing('report', [2], true)],
  );
  expect(await askGathered(server.store, { ref: { outcomes, step: 'report' }, metric: 'eer' })).toEqual({
    done: 1,
    fatal: 1,
    missing: { id: 'report[1]', status: 'failed' },
    metrics: [4],
  });
  expect(await askGathered(server.store, { ref: { outcomes, step: 'report', places: [0] } })).toEqual({
    done: 1,
    fatal: 0,
  });
});

it('refuses more numbers than Temporal takes at once', async () => {
  const many = Array.from({ length: 50_001 }, (_, index) => made('report', [index], index));
  const ref = { outcomes: await kept(many), step: 'report' };
  await expect(askGathered(server.store, { ref, metric: 'eer' })).rejects.toMatchObject({
    code: 'F2C_EXPRESSION_FAILED',
    message:
      'An expression has at most 50000 numbers of a list, and 50001 instances of report are done. ' +
      'Let a step gather what report has made, instead of its eer.',
  });
  expect((await askGathered(server.store, { ref })).done).toBe(50_001);
}, 60_000);
