import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoted, streamColumns } from '../duckdb.ts';
import { type NpyType, NpyWriter } from './npy.ts';
import type { PartSize } from './place.ts';
import { type Part, parts } from './split.ts';

/**
 * Writes the arrays of one part, as the trainer reads them: for its M instances `shard`, `offset` and `length`,
 * sorted by identity; for its N identities their number in the dataset, `identity`, and `first`, of N + 1
 * elements: the instances of identity i are [first[i], first[i + 1]). Reads `instances.parquet` in `folder`,
 * writes beside it, and gives the files of the artifact.
 */
export async function writeArrays(
  connection: DuckDBConnection,
  part: Part,
  { identities, instances }: PartSize,
  folder: string,
  onWritten: (rows: number) => void,
): Promise<Record<string, string>> {
  const table = quoted(join(folder, 'instances.parquet'));
  const instanceFiles = await writeColumns(connection, folder, {
    query: `SELECT shard, "offset", length FROM read_parquet(${table}) WHERE part = '${part}'`,
    columns: [
      { name: `${part}.shard.npy`, type: '<u4', length: instances },
      { name: `${part}.offset.npy`, type: '<i8', length: instances },
      { name: `${part}.length.npy`, type: '<u4', length: instances },
    ],
    onWritten,
  });
  const identityFiles = await writeColumns(connection, folder, {
    query: `SELECT first, identity FROM placed WHERE part = ${parts.indexOf(part)} ORDER BY identity`,
    columns: [
      { name: `${part}.first.npy`, type: '<i8', length: identities + 1, last: instances },
      { name: `${part}.identity.npy`, type: '<i8', length: identities },
    ],
    onWritten: () => undefined,
  });
  return { ...instanceFiles, ...identityFiles };
}

/**
 * Writes where the train part lies in the shards, for an order that reads a few of them at a time. A stay is what an
 * identity has in one shard, instances that lie one after the other in the index: `stay` is the first instance of each,
 * in the order of shards; `place`, with one more element, how many instances the stays before it have; `shardStay`, with
 * one element more than there are shards, how many stays the shards before have.
 */
export async function writeStays(
  connection: DuckDBConnection,
  { instances }: PartSize,
  shards: number,
  folder: string,
): Promise<Record<string, string>> {
  const table = quoted(join(folder, 'instances.parquet'));
  await connection.run(
    `CREATE TABLE stays AS
     WITH train AS (
       SELECT identity, instance, shard, first + row_number() OVER (PARTITION BY identity ORDER BY instance) - 1 AS position
       FROM read_parquet(${table}) JOIN placed USING (identity) WHERE placed.part = ${parts.indexOf('train')}
     ), runs AS (
       SELECT *, position - row_number() OVER (PARTITION BY identity, shard ORDER BY position) AS run FROM train
     )
     SELECT shard, min(position) AS stay, count(*) AS count FROM runs GROUP BY identity, shard, run ORDER BY shard, stay`,
  );
  const count = Number((await connection.runAndReadAll('SELECT count(*) FROM stays')).getRows()[0]?.[0]);
  const before = 'CAST(sum(count) OVER (ORDER BY shard, stay) - count AS BIGINT)';
  const onWritten = () => undefined;
  const stays = await writeColumns(connection, folder, {
    query: `SELECT CAST(stay AS BIGINT), ${before} FROM stays ORDER BY shard, stay`,
    columns: [
      { name: 'train.stay.npy', type: '<i8', length: count },
      { name: 'train.place.npy', type: '<i8', length: count + 1, last: instances },
    ],
    onWritten,
  });
  const ofShards = await writeColumns(connection, folder, {
    query: `SELECT CAST(coalesce(sum(stays) OVER (ORDER BY number) - stays, 0) AS BIGINT)
      FROM (SELECT number, count(stay) AS stays FROM range(${shards}) r(number) LEFT JOIN stays ON shard = number
        GROUP BY number) ORDER BY number`,
    columns: [{ name: 'train.shardStay.npy', type: '<i8', length: shards + 1, last: count }],
    onWritten,
  });
  return { ...stays, ...ofShards };
}

interface Column {
  name: string;
  type: NpyType;
  length: number;
  /** An element after those of the query. */
  last?: number;
}

async function writeColumns(
  connection: DuckDBConnection,
  folder: string,
  { query, columns, onWritten }: { query: string; columns: Column[]; onWritten: (rows: number) => void },
): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  const arrays: { writer: NpyWriter; column: Column }[] = [];
  try {
    for (const column of columns) {
      const path = join(folder, column.name);
      files[column.name] = path;
      arrays.push({ column, writer: await NpyWriter.create(path, column.type, column.length) });
    }
    for await (const values of streamColumns(connection, query)) {
      for (const [position, { writer }] of arrays.entries()) await writer.append(values[position] ?? []);
      onWritten(values[0]?.length ?? 0);
    }
    for (const { writer, column } of arrays) {
      if (column.last !== undefined) await writer.append([column.last]);
      await writer.finish();
    }
  } finally {
    for (const { writer } of arrays) await writer.close();
  }
  return files;
}
