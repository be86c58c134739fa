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
