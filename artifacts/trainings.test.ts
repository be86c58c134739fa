import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { sha256 } from './canonical.ts';
import { blobKey } from './manifest.ts';
import { type ArtifactStore, openStore } from './store.ts';
import { type Checkpoint, goesOnFrom, readTraining, takeOver, trainingKey } from './trainings.ts';

let server: TestStore;
let store: ArtifactStore;
beforeAll(async () => {
  server = await startTestStore();
  store = server.store;
});
afterAll(() => server.stop());

const begun = { checkpoint: null, best: null, log: {}, seconds: 0, deaths: 0 };

async function remove(files: Checkpoint['files']): Promise<void> {
  for (const { digest } of Object.values(files)) {
    await store.bucket.s3.send(new DeleteObjectCommand({ Bucket: 'f2c', Key: blobKey(digest) }));
  }
}

async function checkpointAt(step: number): Promise<Checkpoint> {
  return {
    step,
    files: { 'state.safetensors': await store.putBlob(Buffer.from(`weights of step ${step}`)) },
  };
}

test('a training begins without a checkpoint, and goes on from the newest one', async () => {
  const key = sha256('begins');
  const first = await takeOver(store, key, 'first');
  expect(first.state).toEqual({ ...begun, holder: 'first' });
  await first.commit(await checkpointAt(500), 20.5);
  await first.commit(await checkpointAt(1000), 41);
  const second = await takeOver(store, key, 'second');
  const checkpoint = await checkpointAt(1000);
  expect(second.state).toEqual({
    ...begun,
    holder: 'second',
    checkpoint,
    seconds: 41,
    deaths: 1,
    wentOn: [1000],
  });
});

test('who was taken over from cannot commit, and is told so', async () => {
  const key = sha256('fenced');
  const stale = await takeOver(store, key, 'stale');
  await stale.commit(await checkpointAt(100), 1);
  const current = await takeOver(store, key, 'current');
  await current.commit(await checkpointAt(200), 2);
  await expect(stale.commit(await checkpointAt(300), 3)).rejects.toMatchObject({
    code: 'F2C_TRAINING_FENCED',
    message:
      `Another attempt has taken over training ${key.slice(0, 8)}… (trainings/${key}.json). ` +
      'The other one goes on from the newest checkpoint; this one waits for what it makes.',
  });
  expect(stale.state.checkpoint?.step).toBe(100);
  await current.commit(await checkpointAt(201), 2.1);
  expect((await takeOver(store, key, 'third')).state.checkpoint?.step).toBe(201);
});

test('of many who take over at once the last one can commit and nobody else', async () => {
  const key = sha256('crowd');
  const leases = await Promise.all(Array.from({ length: 6 }, (_, i) => takeOver(store, key, `holder-${i}`)));
  const checkpoint = await checkpointAt(10);
  const ends = await Promise.allSettled(leases.map((lease) => lease.commit(checkpoint, 1)));
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const next = await takeOver(store, key, 'next');
  expect(next.state).toMatchObject({ checkpoint, deaths: 1 });
});

test('attempts that get no further are counted, until one does', async () => {
  const key = sha256('deaths');
  await takeOver(store, key, 'a');
  await takeOver(store, key, 'b');
  const third = await takeOver(store, key, 'c');
  expect(third.state.deaths).toBe(2);
  expect((await takeOver(store, key, 'c')).state.deaths).toBe(2);
  const checkpoint = await checkpointAt(5);
  await third.commit(checkpoint, 1);
  expect(third.state.deaths).toBe(0);
  const fourth = await takeOver(store, key, 'd');
  await fourth.commit(checkpoint, 1);
  expect(fourth.state.deaths).toBe(1);
});

test('a commit whose answer got lost does not fence its own holder', async () => {
  const key = sha256('lost answer');
  const flaky = openStore(server.env);
  let dropAnswers = false;
  flaky.bucket.s3.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const answer = await next(args);
        if (dropAnswers && commandName === 'PutObjectCommand') {
          throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
        }
        return answer;
      },
    { step: 'initialize' },
  );
  const lease = await takeOver(flaky, key, 'only');
  const checkpoint = await checkpointAt(1);
  dropAnswers = true;
  await expect(lease.commit(checkpoint, 1)).rejects.toMatchObject({ code: 'F2C_STORE_UNREACHABLE' });
  dropAnswers = false;
  await lease.commit(await checkpointAt(2), 2);
  expect((await takeOver(store, key, 'next')).state.checkpoint?.step).toBe(2);
});

test('a checkpoint never goes back', async () => {
  const lease = await takeOver(store, sha256('back'), 'only');
  await lease.commit(await checkpointAt(2), 2);
  await expect(lease.commit(await checkpointAt(1), 3)).rejects.toThrow(
    'checkpoint of step 1 would replace that of step 2',
  );
});

test('the best checkpoint is kept beside the newest one, and so is the log', async () => {
  const key = sha256('best');
  const lease = await takeOver(store, key, 'first');
  const best = await checkpointAt(10);
  await lease.commit(best, 1, { isBest: true });
  const log = { 'events.jsonl': await store.putBlob(Buffer.from('{}')) };
  await lease.commit(await checkpointAt(20), 2, { log });
  await lease.commit(await checkpointAt(30), 3);
  const { state } = await takeOver(store, key, 'second');
  expect(state).toMatchObject({ checkpoint: await checkpointAt(30), best, log });
});

test.each([
  { of: 'newest', gone: 77 },
  { of: 'best', gone: 66 },
])('a training without the blobs of its $of checkpoint begins again', async ({ of, gone }) => {
  const key = sha256(`gone ${of}`);
  const lease = await takeOver(store, key, 'first');
  await lease.commit(await checkpointAt(66), 8, { isBest: true });
  await lease.commit(await checkpointAt(77), 9, { log: (await checkpointAt(5)).files });
  await remove((await checkpointAt(gone)).files);
  expect((await takeOver(store, key, 'second')).state).toEqual({ ...begun, holder: 'second', deaths: 1 });
});

test('a training without the blobs of its log goes on without it', async () => {
  const key = sha256('gone log');
  const [checkpoint, log] = [await checkpointAt(77), (await checkpointAt(5)).files];
  await (await takeOver(store, key, 'first')).commit(checkpoint, 9, { log });
  await remove(log);
  expect((await takeOver(store, key, 'second')).state).toMatchObject({ checkpoint, log: {}, seconds: 9 });
});

test('a state from before there were best checkpoints and logs is understood', async () => {
  const key = sha256('earlier');
  const checkpoint = await checkpointAt(3);
  const earlier = { holder: 'first', checkpoint, seconds: 4, deaths: 0 };
  await store.bucket.write(trainingKey(key), JSON.stringify(earlier));
  expect((await takeOver(store, key, 'second')).state).toEqual({
    ...begun,
    ...earlier,
    holder: 'second',
    deaths: 1,
    wentOn: [3],
  });
});

test('an altered state is refused', async () => {
  const key = sha256('altered');
  await store.bucket.write(trainingKey(key), '{"holder":"x"}');
  await expect(takeOver(store, key, 'y')).rejects.toMatchObject({
    code: 'F2C_BLOB_CORRUPT',
    message:
      `The state of a training was altered (s3://f2c/trainings/${key}.json). ` +
      'Remove this object; the training begins again.',
  });
});

test('a training that is forced begins again, once for each version of the artifact that it makes anew', async () => {
  const key = sha256('forced');
  const trained = await takeOver(store, key, 'first');
  await trained.commit(await checkpointAt(9), 9);

  const forced = await takeOver(store, key, 'forced', { replaces: 'version 1' });
  expect(forced.state).toMatchObject({ checkpoint: null, seconds: 0, replaces: 'version 1' });
  await forced.commit(await checkpointAt(3), 2);
  const retried = await takeOver(store, key, 'retried', { replaces: 'version 1' });
  expect(retried.state).toMatchObject({ checkpoint: { step: 3 }, seconds: 2 });
  // A run that does not force it goes on with it as well.
  expect((await takeOver(store, key, 'other')).state.checkpoint?.step).toBe(3);

  expect((await takeOver(store, key, 'again', { replaces: 'version 2' })).state).toMatchObject({
    checkpoint: null,
    replaces: 'version 2',
  });
  await expect(retried.commit(await checkpointAt(4), 3)).rejects.toMatchObject({
    code: 'F2C_TRAINING_FENCED',
  });
});

test('a training remembers at which steps it went on, and says beforehand at which one it would', async () => {
  const key = sha256('history');
  expect(await goesOnFrom(store, key)).toBeUndefined();
  const first = await takeOver(store, key, 'a');
  expect(await goesOnFrom(store, key)).toBeUndefined();
  await first.commit(await checkpointAt(10), 5, { steps: 40 });
  for (const holder of ['b', 'c']) await takeOver(store, key, holder);
  const before = await readTraining(store, key);
  expect(await goesOnFrom(store, key)).toMatchObject({ checkpoint: { step: 10 }, steps: 40, seconds: 5 });
  // One that is forced begins again, and one that has lost its checkpoint as well.
  expect(await goesOnFrom(store, key, 'version 1')).toBeUndefined();
  expect(await readTraining(store, key)).toEqual(before);
  await (await takeOver(store, key, 'd')).commit(await checkpointAt(25), 9);
  await takeOver(store, key, 'e');
  expect(await readTraining(store, key)).toMatchObject({ steps: 40, wentOn: [10, 25] });
  await remove((await checkpointAt(25)).files);
  expect(await goesOnFrom(store, key)).toBeUndefined();
});
