import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Manifest } from '../../artifacts/manifest.ts';
import { withDatabase, writeParquet } from '../duckdb.ts';
import { datasetFacts } from '../ingest/facts.ts';
import { implement, type Made } from '../step.ts';
import { writeArrays, writeStays } from './arrays.ts';
import { indexStep } from './contract.ts';
import type { IndexFacts } from './facts.ts';
import { openDataset, type PartSize, placeIdentities } from './place.ts';
import { checkHeldOut, type Part, parts, planSplit } from './split.ts';

/**
 * Sorts the instances of a dataset by part and identity, out of core, and writes them as arrays for the trainer
 * and as tables for people. The shards are those of the dataset, named again and not copied.
 */
export const runIndex = implement(indexStep, async ({ dataset, ...params }, step) => {
  const { imageSize, shards } = datasetFacts.parse(dataset.facts);
  const files = {
    instances: await step.open(dataset, 'instances.parquet'),
    identities: await step.open(dataset, 'identities.parquet'),
  };
  return withDatabase(step.workDir, step.signal, async (connect) => {
    const connection = await connect();
    const split = planSplit(params, await openDataset(connection, files));
    const sizes = await placeIdentities(connection, split, params.seed);
    for (const part of parts) checkHeldOut(part, sizes[part]);
    const made: Made['files'] = await writeTables(connection, step.workDir);
    const total = sizes.train.instances + sizes.validation.instances + sizes.test.instances;
    let done = 0;
    const onWritten = (rows: number) => {
      done += rows;
      step.progress({ done, total, unit: 'instances' });
    };
    for (const part of parts) {
      Object.assign(made, await writeArrays(connection, part, sizes[part], step.workDir, onWritten));
    }
    Object.assign(made, await writeStays(connection, sizes.train, shards.length, step.workDir));
    const facts: IndexFacts = { imageSize, shards, seed: params.seed, parts: countsOf(sizes) };
    made['index.json'] = Buffer.from(`${JSON.stringify(facts, null, 2)}\n`);
    Object.assign(made, shardsOf(dataset));
    const metrics = { trainIdentities: sizes.train.identities, testIdentities: sizes.test.identities };
    return { files: made, facts, metrics };
  });
});

/** `instances.parquet` and `identities.parquet`: every row of the dataset with the part it is in, in index order. */
async function writeTables(connection: DuckDBConnection, folder: string): Promise<Record<string, string>> {
  const name = `CASE part ${parts.map((part, position) => `WHEN ${position} THEN '${part}'`).join(' ')} END AS part`;
  const queries = {
    'instances.parquet': `SELECT ${name}, instance, identity, shard, "offset", length, sha256, source
      FROM dataset_instances JOIN placed USING (identity) ORDER BY placed.part, identity, instance`,
    'identities.parquet': `SELECT identity, name, ${name}, first, count FROM placed ORDER BY placed.part, identity`,
  };
  const files: Record<string, string> = {};
  for (const [file, query] of Object.entries(queries)) {
    files[file] = join(folder, file);
    await writeParquet(connection, query, join(folder, file));
  }
  return files;
}

function countsOf(sizes: Record<Part, PartSize>): IndexFacts['parts'] {
  const count = ({ identities, instances }: PartSize) => ({ identities, instances });
  return { train: count(sizes.train), validation: count(sizes.validation), test: count(sizes.test) };
}

function shardsOf(dataset: Manifest): Made['files'] {
  return Object.fromEntries(Object.entries(dataset.files).filter(([file]) => file.startsWith('shards/')));
}
