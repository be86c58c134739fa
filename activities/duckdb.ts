import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';

/**
 * Gives `use` a DuckDB database of its own in `folder`, and a way to connect to it. What does not fit into
 * the memory limit goes to disk. One thread, so that the order of rows and the bytes of the Parquet files
 * are the same on every machine. When `signal` aborts, running statements stop.
 */
export async function withDatabase<T>(
  folder: string,
  signal: AbortSignal,
  use: (connect: () => Promise<DuckDBConnection>) => Promise<T>,
): Promise<T> {
  const instance = await DuckDBInstance.create(join(folder, 'step.duckdb'), {
    memory_limit: '1GiB',
    temp_directory: join(folder, 'step.duckdb.tmp'),
    threads: '1',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connections: DuckDBConnection[] = [];
  const interrupt = () => {
    for (const connection of connections) connection.interrupt();
  };
  signal.addEventListener('abort', interrupt);
  try {
    return await use(async () => {
      const connection = await instance.connect();
      connections.push(connection);
      return connection;
    });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', interrupt);
    for (const connection of connections) connection.closeSync();
    instance.closeSync();
  }
}

/** The rows of a query, one chunk of columns at a time, so that any number of rows takes little memory. */
export async function* streamColumns(
  connection: DuckDBConnection,
  query: string,
): AsyncGenerator<DuckDBValue[][]> {
  const result = await connection.stream(query);
  for await (const chunk of result) {
    if (chunk.rowCount > 0) yield chunk.getColumns();
  }
}

/** Writes the rows of a query, in its order, as a Parquet file. */
export async function writeParquet(connection: DuckDBConnection, query: string, file: string): Promise<void> {
  await connection.run(`COPY (${query}) TO ${quoted(file)} (FORMAT parquet, COMPRESSION zstd)`);
}

/** A text as an SQL literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
