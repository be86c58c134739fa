import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { BlobRef, Manifest } from '../../../artifacts/manifest.ts';

export const shard: BlobRef = { digest: 'ab'.repeat(32), size: 1024 };

/** A dataset in the folder with these names and numbers of instances, whose rows lie in the file in reverse order. */
export async function makeDataset(
  folder: string,
  identities: [name: string, count: number][],
): Promise<Manifest> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const values = identities.map(
    ([name, count], identity) => `(${identity}::BIGINT, '${name}', ${count}::BIGINT)`,
  );
  await connection.run(
    `CREATE TABLE identities AS FROM (VALUES ${values.join(', ')}) t(identity, name, count)`,
  );
  await connection.run(
    `CREATE TABLE instances AS SELECT row_number() OVER (ORDER BY identity, n) - 1 AS instance, identity,
     CAST(identity % 2 AS INTEGER) AS shard, identity * 100000 + n AS "offset", CAST(1000 + n AS INTEGER) AS length,
     'digest' AS sha256, name || '/' || n AS source
     FROM identities, LATERAL (SELECT unnest(range(count)) AS n)`,
  );
  for (const table of ['identities', 'instances']) {
    const file = join(folder, `${table}.parquet`);
    await connection.run(`COPY (FROM ${table} ORDER BY identity DESC) TO '${file}' (FORMAT parquet)`);
  }
  connection.closeSync();
  instance.closeSync();
  const instances = identities.reduce((sum, [, count]) => sum + count, 0);
  return datasetOf(
    { 'shards/shard-000000.tar': shard, 'shards/shard-000001.tar': shard, 'instances.parquet': shard },
    {
      imageSize: 112,
      identities: identities.length,
      instances,
      rejected: 0,
      shards: ['shard-000000.tar', 'shard-000001.tar'],
      bytes: 1,
    },
  );
}

/** Says that the instances lie in these shards, of which there is one more than is used. */
export async function moveTo(folder: string, dataset: Manifest, shards: number[]): Promise<void> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  const file = join(folder, 'instances.parquet');
  await connection.run(
    `CREATE TABLE moved AS SELECT * REPLACE (CAST([${shards}][instance + 1] AS INTEGER) AS shard)
     FROM read_parquet('${file}')`,
  );
  await connection.run(`COPY moved TO '${file}' (FORMAT parquet)`);
  connection.closeSync();
  instance.closeSync();
  const names = Array.from({ length: Math.max(...shards) + 2 }, (_, number) => `shard-00000${number}.tar`);
  dataset.facts = { ...dataset.facts, shards: names };
}

export function datasetOf(files: Manifest['files'], facts: Manifest['facts']): Manifest {
  return {
    kind: 'dataset',
    key: '1'.repeat(64),
    digest: '2'.repeat(64),
    files,
    facts,
    metrics: {},
    measured: {},
    madeBy: { step: 'ingest', version: 1, code: '', run: 'test', at: '' },
    from: { step: 'ingest', version: 1, params: {}, inputs: {} },
    inputs: {},
  };
}
