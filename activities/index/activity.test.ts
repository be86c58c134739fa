import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Manifest } from '../../artifacts/manifest.ts';
import { runIngest } from '../ingest/activity.ts';
import { ingestStep } from '../ingest/contract.ts';
import { picture, writeTree } from '../ingest/testdata/images.ts';
import { contentOf, digests, rowsOf, type TestStep, testStep } from '../ingest/testdata/step.ts';
import type { Made } from '../step.ts';
import { runIndex } from './activity.ts';
import { indexStep } from './contract.ts';
import { parts } from './split.ts';
import { datasetOf, makeDataset, moveTo, shard } from './testdata/dataset.ts';

let scratch: TestStep;
const steps: TestStep[] = [];
beforeEach(async () => {
  scratch = await testStep();
  steps.push(scratch);
});
afterEach(async () => {
  for (const step of steps.splice(0)) await step.remove();
});

async function index(
  dataset: Manifest,
  params: Record<string, number> = {},
): Promise<Made & { step: TestStep }> {
  const step = await testStep();
  steps.push(step);
  const open = async (_: Manifest, file: string) => join(scratch.workDir, file);
  const made = await runIndex.work({ ...indexStep.params.parse(params), dataset }, { ...step, open });
  return { ...made, step };
}

/** The elements of an array of the index. */
async function array({ files }: Made, name: string): Promise<number[]> {
  const bytes = await contentOf(files[`${name}.npy`]);
  const data = bytes.subarray(128);
  if (bytes.toString('latin1', 0, 128).includes("'<u4'")) {
    return Array.from({ length: data.length / 4 }, (_, at) => data.readUInt32LE(4 * at));
  }
  return Array.from({ length: data.length / 8 }, (_, at) => Number(data.readBigInt64LE(8 * at)));
}

const people = (count: number, instances = 3): [string, number][] =>
  Array.from({ length: count }, (_, at) => [`s${at + 1}`, instances]);

/** Name of each identity -> its part. */
async function partsOf(made: Made): Promise<Map<string, string>> {
  const rows = await rowsOf(made.files['identities.parquet']);
  return new Map(rows.map((row) => [String(row.name), String(row.part)]));
}

describe('the files', () => {
  test('the instances of each identity lie together, in the order of the dataset', async () => {
    const made = await index(
      await makeDataset(scratch.workDir, [
        ['ann', 2],
        ['bob', 1],
        ['eve', 3],
      ]),
    );
    expect(await array(made, 'train.identity')).toEqual([0, 1, 2]);
    expect(await array(made, 'train.first')).toEqual([0, 2, 3, 6]);
    expect(await array(made, 'train.shard')).toEqual([0, 0, 1, 0, 0, 0]);
    expect(await array(made, 'train.offset')).toEqual([0, 1, 100_000, 200_000, 200_001, 200_002]);
    expect(await array(made, 'train.length')).toEqual([1000, 1001, 1000, 1000, 1001, 1002]);
    for (const part of ['validation', 'test']) {
      expect(await array(made, `${part}.identity`)).toEqual([]);
      expect(await array(made, `${part}.first`)).toEqual([0]);
      expect(await array(made, `${part}.shard`)).toEqual([]);
    }
    expect(made.step.reported.at(-1)).toEqual({ done: 6, total: 6, unit: 'instances' });
  });

  test('stays are what identities of the train part have in each shard, in the order of shards', async () => {
    const made = await index(await makeDataset(scratch.workDir, people(9, 2)), { test: 2, seed: 1 });
    const [shardOf, first] = [await array(made, 'train.shard'), await array(made, 'train.first')];
    const stays = first
      .slice(0, -1)
      .toSorted((one, other) => (shardOf[one] ?? 0) - (shardOf[other] ?? 0) || one - other);
    expect(stays).not.toEqual(first.slice(0, -1));
    expect(await array(made, 'train.stay')).toEqual(stays);
    expect(await array(made, 'train.place')).toEqual([0, 2, 4, 6, 8, 10, 12, 14]);
    const inFirst = stays.filter((stay) => shardOf[stay] === 0).length;
    expect(await array(made, 'train.shardStay')).toEqual([0, inFirst, 7]);
  });

  test('an identity that is in a shard twice with another between stays there twice', async () => {
    const dataset = await makeDataset(scratch.workDir, [
      ['ann', 2],
      ['bob', 6],
      ['eve', 1],
    ]);
    await moveTo(scratch.workDir, dataset, [2, 0, 2, 2, 0, 2, 1, 1, 0]);
    const made = await index(dataset);
    expect(await array(made, 'train.shard')).toEqual([2, 0, 2, 2, 0, 2, 1, 1, 0]);
    expect(await array(made, 'train.stay')).toEqual([1, 4, 8, 6, 0, 2, 5]);
    expect(await array(made, 'train.place')).toEqual([0, 1, 2, 3, 5, 6, 8, 9]);
    expect(await array(made, 'train.shardStay')).toEqual([0, 3, 4, 7, 7]);
  });

  test('the parts are disjoint and together whole; tables and arrays agree', async () => {
    const made = await index(await makeDataset(scratch.workDir, people(40)), { test: 0.25, validation: 5 });
    const identities = await rowsOf(made.files['identities.parquet']);
    const instances = await rowsOf(made.files['instances.parquet']);
    expect(identities).toHaveLength(40);
    expect(new Set(identities.map((row) => row.identity)).size).toBe(40);
    expect(new Set(instances.map((row) => row.instance)).size).toBe(120);
    for (const part of parts) {
      const mine = identities.filter((row) => row.part === part);
      expect(mine).toHaveLength({ train: 25, validation: 5, test: 10 }[part]);
      expect(await array(made, `${part}.identity`)).toEqual(mine.map((row) => Number(row.identity)));
      const firsts = mine.map((row) => Number(row.first));
      expect(await array(made, `${part}.first`)).toEqual([...firsts, 3 * mine.length]);
      const rows = instances.filter((row) => row.part === part);
      expect(await array(made, `${part}.offset`)).toEqual(rows.map((row) => Number(row.offset)));
      expect(rows.map((row) => row.identity)).toEqual(
        mine.flatMap(({ identity }) => [identity, identity, identity]),
      );
    }
  });

  test('the shards are those of the dataset, and index.json says the same as the facts', async () => {
    const dataset = await makeDataset(scratch.workDir, people(10));
    const { files, facts, metrics } = await index(dataset, { test: 2, seed: 9 });
    expect(files['shards/shard-000000.tar']).toBe(shard);
    expect(files['shards/shard-000001.tar']).toBe(shard);
    expect(facts).toEqual({
      imageSize: 112,
      shards: ['shard-000000.tar', 'shard-000001.tar'],
      seed: 9,
      parts: {
        train: { identities: 8, instances: 24 },
        validation: { identities: 0, instances: 0 },
        test: { identities: 2, instances: 6 },
      },
    });
    expect(metrics).toEqual({ trainIdentities: 8, testIdentities: 2 });
    expect(JSON.parse((await contentOf(files['index.json'])).toString())).toEqual(facts);
  });

  // A change of these digests is a change of what the step makes: raise the version of its contract with them.
  test('version 2 makes these bytes', async () => {
    const made = await index(await makeDataset(scratch.workDir, people(12)), { test: 3, validation: 2 });
    for (const file of Object.keys(made.files)) if (file.startsWith('shards/')) delete made.files[file];
    expect(indexStep.version).toBe(2);
    const all = createHash('sha256')
      .update(JSON.stringify(await digests(made)))
      .digest('hex');
    expect(all).toBe('2cdca126ded965abe449e510055193ea87b80ab7213213575d9a893100f011ee');
  });
});

describe('who is held out', () => {
  test('another seed draws others, the same seed the same', async () => {
    const dataset = await makeDataset(scratch.workDir, people(200));
    const draw = async (seed: number) => [...(await partsOf(await index(dataset, { test: 0.1, seed })))];
    const first = await draw(1);
    expect(await draw(1)).toEqual(first);
    expect(await draw(2)).not.toEqual(first);
  });

  test('a name is drawn before or after another whatever other names there are', async () => {
    const before = await partsOf(await index(await makeDataset(scratch.workDir, people(100)), { test: 10 }));
    const more: [string, number][] = [['a new one', 3], ...people(100), ['another', 3]];
    const after = await partsOf(await index(await makeDataset(scratch.workDir, more), { test: 12 }));
    const held = [...before].filter(([, part]) => part === 'test').map(([name]) => name);
    expect(held).toHaveLength(10);
    expect(held.map((name) => after.get(name))).toEqual(Array(10).fill('test'));
  });

  test('a fold is a range of identities, and the validation part is drawn from the rest', async () => {
    const dataset = await makeDataset(scratch.workDir, people(40));
    const found = await partsOf(await index(dataset, { fold: 2, folds: 4, validation: 6 }));
    const named = (part: string) => [...found].filter(([, its]) => its === part).map(([name]) => name);
    expect(named('test')).toEqual(
      people(20)
        .slice(10)
        .map(([name]) => name),
    );
    expect(named('validation')).toHaveLength(6);
    expect(named('train')).toHaveLength(24);
  });
});

describe('what cannot be indexed', () => {
  test('a test part without a genuine pair', async () => {
    const dataset = await makeDataset(scratch.workDir, people(10, 1));
    await expect(index(dataset, { test: 4 })).rejects.toMatchObject({
      code: 'F2C_TOO_FEW_IDENTITIES',
      message:
        'None of the 4 identities of the test part has two images, so there is no genuine pair. ' +
        'Make the test part larger, choose another `seed`, or add images.',
    });
  });

  test('tables that disagree', async () => {
    const dataset = await makeDataset(scratch.workDir, people(10));
    const instances = await readFile(join(scratch.workDir, 'instances.parquet'));
    await makeDataset(scratch.workDir, people(12, 2));
    await writeTree(scratch.workDir, { 'instances.parquet': instances });
    await expect(index(dataset)).rejects.toMatchObject({
      code: 'F2C_DATA_CORRUPT',
      message:
        'The tables of the dataset disagree on the instances of 12 identities. Ingest the images again.',
    });
  });
});

test('the bytes that the index names are the JPEGs that were ingested', async () => {
  const source = join(scratch.workDir, 'source');
  const jpegs: Record<string, Buffer> = {};
  for (let number = 0; number < 12; number++) {
    jpegs[`s${number % 4}/${number}.jpg`] = await picture(32, 32, number).jpeg().toBuffer();
  }
  await writeTree(source, jpegs);
  const ingested = await runIngest.work(
    ingestStep.params.parse({ source, imageSize: 32, shardMiB: 0.01 }),
    scratch,
  );
  const shards = Object.keys(ingested.files).filter((file) => file.startsWith('shards/'));
  const dataset = datasetOf(Object.fromEntries(shards.map((file) => [file, shard])), ingested.facts);
  const made = await index(dataset, { fold: 2, folds: 2 });
  expect(Object.keys(made.files).filter((file) => file.startsWith('shards/'))).toEqual(shards);
  const found: string[] = [];
  for (const part of parts) {
    const [inShard, offsets, lengths] = [
      await array(made, `${part}.shard`),
      await array(made, `${part}.offset`),
      await array(made, `${part}.length`),
    ];
    for (const [at, number] of inShard.entries()) {
      const bytes = await contentOf(ingested.files[`shards/${(made.facts.shards as string[])[number]}`]);
      const [offset = 0, length = 0] = [offsets[at], lengths[at]];
      const jpeg = bytes.subarray(offset, offset + length);
      found.push(Object.keys(jpegs).find((key) => jpegs[key]?.equals(jpeg)) ?? 'unknown');
    }
  }
  const ofPerson = (name: string) => Object.keys(jpegs).filter((key) => key.startsWith(`${name}/`));
  expect(found).toEqual(['s0', 's1', 's2', 's3'].flatMap(ofPerson));
});
