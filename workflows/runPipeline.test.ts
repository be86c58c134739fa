import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArtifactRef } from '../artifacts/manifest.ts';
import { f2c } from '../test/support/cli.ts';
import { trainersOf } from '../test/support/processes.ts';
import { replayed } from '../test/support/replay.ts';
import { eventually, Runs, stepOf } from '../test/support/runs.ts';
import { startTestStack, type TestStack } from '../test/support/stack.ts';
import type { RunState } from './runTypes.ts';

let stack: TestStack;
let runs: Runs;
let images: string;

beforeAll(async () => {
  stack = await startTestStack({ workers: true });
  runs = await Runs.open(stack);
  images = await mkdtemp(join(tmpdir(), 'f2c-images-'));
}, 120_000);

afterAll(async () => {
  await runs.close();
  await stack.stop();
  await rm(images, { recursive: true, force: true });
});

const ingest = (source: string) => `
name: small
summary: Reads a folder
params:
  source: { type: string, default: ${JSON.stringify(source)} }
steps:
  faces: { uses: ingest, with: { source: "\${{ params.source }}", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }
`;

describe('a start that cannot run', () => {
  it.each([
    [undefined, 'F2C_START_INVALID', 'A run is not started with nothing. Give one JSON object: '],
    ['quickstart', 'F2C_START_INVALID', 'A run is not started with "quickstart". Give one JSON object: '],
    [{}, 'F2C_START_INVALID', 'A run is not started with {}. Give one JSON object: '],
    [{ pipeline: 'quickstart', params: [1] }, 'F2C_START_INVALID', 'Give one JSON object: '],
    [{ pipeline: 'small', images: 3 }, 'F2C_START_INVALID', 'A run is not started with {"pipeline":"small"'],
    [{ pipeline: 'quikstart' }, 'F2C_PIPELINE_UNKNOWN', 'No pipeline is named "quikstart". Did you mean'],
    [
      { pipeline: `sha256:${'0'.repeat(64)}` },
      'F2C_PIPELINE_UNKNOWN',
      'The store has no pipeline file with the digest 000',
    ],
    [{ pipeline: 'quickstart', params: { imags: 1 } }, 'F2C_PARAMS_INVALID', 'imags'],
  ])('%j fails at once with %s', async (input, code, text) => {
    const failure = await failureOf(runs.startWith(input));
    expect(failure.type).toBe(code);
    expect(failure.message).toContain(text);
  });

  it.each([
    ['quikstart', {}],
    ['quickstart', { imags: 1, source: 3 }],
  ])('%s with %j says what the command line says', async (pipeline, params) => {
    const { type, message } = await failureOf(runs.startWith({ pipeline, params }));
    const options = Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`]);
    const { stderr } = await f2c(stack.env, 'run', pipeline, ...options);
    expect(`${type}: ${message}\n`).toBe(stderr);
  });

  it('with something else than JSON fails as well', async () => {
    const { connection, options } = runs.client;
    const workflowId = 'not-json';
    await connection.workflowService.startWorkflowExecution({
      namespace: options.namespace,
      requestId: workflowId,
      workflowId,
      workflowType: { name: 'runPipeline' },
      taskQueue: { name: 'control' },
      input: { payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from('{bad') }] },
    });
    const failure = await failureOf(Promise.resolve(runs.client.workflow.getHandle(workflowId)));
    expect(failure.type).toBe('F2C_START_INVALID');
    expect(failure.message).toContain('A run is not started with "{bad". Give one JSON object: ');
  });

  it('fails with every error of the file and its line', async () => {
    const failure = await failureOf(runs.start(ingest('/x').replace('imageSize', 'imagesize')));
    expect(failure.type).toBe('F2C_PIPELINE_INVALID');
    expect(failure.message).toContain('pipeline:7:66  error');
    expect(failure.message).toContain('Did you mean `imageSize`?');
  });
});

describe('a run', () => {
  it('does every step once, tells its state, and finds everything in the store the next time', async () => {
    const folder = await writeImages('two-people', { ann: 3, bob: 2 });
    const first = await runs.ended(await runs.start(ingest(folder)));
    expect(summary(first)).toEqual([
      ['faces', 'done', 'miss: first time here'],
      ['people', 'done', 'miss: first time here'],
    ]);
    expect(stepOf(first, 'faces').metrics).toEqual({ identities: 2, instances: 5, rejected: 0 });

    const handle = await runs.start(ingest(folder));
    const second = await runs.ended(handle);
    expect(second.steps.every(({ cache, attempts }) => cache?.startsWith('hit: ') && attempts === 0)).toBe(
      true,
    );
    expect(stepOf(second, 'people').artifact).toEqual(stepOf(first, 'people').artifact);

    const described = await handle.describe();
    expect(described.searchAttributes).toMatchObject({ f2cPipeline: ['small'], f2cState: ['done'] });
    const keyOf = (id: string) => stepOf(second, id).artifact?.key.slice(0, 12);
    expect(described.searchAttributes.f2cDataset).toEqual([keyOf('faces')]);
    expect(described.memo).toMatchObject({ pipeline: 'small', params: { source: folder } });
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata');
    expect(currentDetails).toContain('| ✔ | people | done | hit: ');
  });

  it('reads the source again when an image was added, and says so', async () => {
    const folder = await writeImages('growing', { ann: 2, bob: 2 });
    await runs.ended(await runs.start(ingest(folder)));
    await writeImages('growing', { cyd: 2 });
    const state = await runs.ended(await runs.start(ingest(folder)));
    expect(stepOf(state, 'faces').cache).toBe('miss: the source changed');
    expect(stepOf(state, 'people').cache).toMatch(/^miss: input dataset changed/);
  });

  it('fails with the reason of the step, skips what depends on it, and goes on when it is mended', async () => {
    const folder = join(images, 'not-yet');
    const handle = await runs.start(ingest(folder));
    const failure = await failureOf(handle);
    expect(failure.type).toBe('F2C_RUN_FAILED');
    expect(failure.message).toMatch(/^Step faces failed with F2C_SOURCE_MISSING: /);
    const state = await handle.query<RunState>('state');
    expect(stepOf(state, 'people').status).toBe('skipped');

    await writeImages('not-yet', { ann: 2, bob: 2 });
    const mended = await runs.ended(await runs.start(ingest(folder)));
    expect(mended.status).toBe('done');
  });

  it('gives one training the weights of another to begin with', async () => {
    const untrained =
      'index: "${{ steps.people.index }}", images: 0, head: fc, width: 0.25, embeddingSize: 32';
    const handle = await runs.start(`
name: twice
summary: Trains on from a checkpoint
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }
  before: { uses: train, with: { ${untrained}, seed: 1 } }
  after: { uses: train, with: { ${untrained}, seed: 2, initFrom: "\${{ steps.before.checkpoint }}" } }
  apart: { uses: train, with: { ${untrained}, seed: 2 } }
`);
    const state = await runs.ended(handle);
    const model = async (id: string) => {
      const { files } = await runs.store.load(stepOf(state, id).artifact as ArtifactRef);
      return files['model.safetensors']?.digest;
    };
    expect(await model('after')).toBe(await model('before'));
    expect(await model('apart')).not.toBe(await model('before'));
  }, 120_000);

  it('that is cancelled ends its trainer, which leaves a checkpoint', async () => {
    const earlier = new Set(await trainings());
    const handle = await runs.start(`
name: long
summary: Trains for hours
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }
  train:
    uses: train
    with: { index: "\${{ steps.people.index }}", head: fc, width: 0.25, identitiesPerStep: 16, images: 100000000 }
`);
    const trainer = await eventually(() => trainersOf(stack)[0]);
    await eventually(async () => {
      const { raw } = await handle.describe();
      return raw.pendingActivities?.[0]?.heartbeatDetails?.payloads?.[0]?.data
        ?.toString()
        .includes('images/s')
        ? true
        : undefined;
    });
    await handle.cancel();
    const state = await runs.ended(handle);
    expect(state.status).toBe('cancelled');
    expect(stepOf(state, 'train').status).toBe('cancelled');
    await eventually(() => (trainersOf(stack).length === 0 ? true : undefined));
    expect(trainer.pid).toBeGreaterThan(0);
    const [key, ...others] = (await trainings()).filter((one) => !earlier.has(one));
    expect(others).toEqual([]);
    const stored = await runs.store.bucket.read(key as string);
    expect(JSON.parse(stored?.text ?? '{}').checkpoint.step).toBeGreaterThan(0);
  }, 180_000);
});

async function trainings(): Promise<string[]> {
  const keys = [];
  for await (const key of runs.store.bucket.keys('trainings/')) keys.push(key);
  return keys;
}

it('every history of these runs is replayed to the same commands', async () => {
  const histories = await runs.histories();
  expect(histories.length).toBeGreaterThan(10);
  expect(await replayed(histories)).toEqual(
    histories.map(({ workflowId }) => ({ workflowId, error: undefined })),
  );
}, 120_000);

function summary(state: RunState): unknown[] {
  return state.steps.map(({ id, status, cache }) => [id, status, cache]);
}

async function failureOf(starting: ReturnType<Runs['start']> | Awaited<ReturnType<Runs['start']>>) {
  const handle = await starting;
  const error = await handle.result().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
  return error.cause;
}

async function writeImages(name: string, people: Record<string, number>): Promise<string> {
  for (const [person, count] of Object.entries(people)) {
    await mkdir(join(images, name, person), { recursive: true });
    for (let i = 0; i < count; i++) {
      const background = { r: 40 * i, g: person.charCodeAt(0), b: 90 };
      const image = sharp({ create: { width: 40, height: 40, channels: 3, background } });
      await writeFile(join(images, name, person, `${i}.png`), await image.png().toBuffer());
    }
  }
  return join(images, name);
}
