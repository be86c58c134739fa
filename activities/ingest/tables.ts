import { join } from 'node:path';
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { writeParquet } from '../duckdb.ts';
import type { Location } from './shards.ts';

export interface Instance extends Location {
  instance: number;
  identity: number;
  /** Bytes of the JPEG. */
  length: number;
  sha256: string;
  /** Key within the source. */
  source: string;
}

const columns = {
  instances:
    'instance BIGINT, identity BIGINT, shard INTEGER, "offset" BIGINT, length INTEGER, sha256 VARCHAR, source VARCHAR',
  identities: 'identity BIGINT, name VARCHAR, count BIGINT',
  rejected: 'source VARCHAR, reason VARCHAR',
};

type TableName = keyof typeof columns;
const tableNames = Object.keys(columns) as TableName[];

/** The three tables of a dataset, in the making. Rows keep the order in which they are added. */
export class DatasetTables {
  private readonly connection: DuckDBConnection;
  private readonly appenders: Record<TableName, DuckDBAppender>;

  private constructor(connection: DuckDBConnection, appenders: Record<TableName, DuckDBAppender>) {
    this.connection = connection;
    this.appenders = appenders;
  }

  static async create(connection: DuckDBConnection): Promise<DatasetTables> {
    for (const name of tableNames) await connection.run(`CREATE TABLE ${name} (${columns[name]})`);
    return new DatasetTables(connection, {
      instances: await connection.createAppender('instances'),
      identities: await connection.createAppender('identities'),
      rejected: await connection.createAppender('rejected'),
    });
  }

  addInstance({ instance, identity, shard, offset, length, sha256, source }: Instance): void {
    const row = this.appenders.instances;
    row.appendBigInt(BigInt(instance));
    row.appendBigInt(BigInt(identity));
    row.appendInteger(shard);
    row.appendBigInt(BigInt(offset));
    row.appendInteger(length);
    row.appendVarchar(sha256);
    row.appendVarchar(source);
    row.endRow();
  }

  addIdentity(identity: number, name: string, count: number): void {
    const row = this.appenders.identities;
    row.appendBigInt(BigInt(identity));
    row.appendVarchar(name);
    row.appendBigInt(BigInt(count));
    row.endRow();
  }

  addRejected(source: string, reason: string): void {
    const row = this.appenders.rejected;
    row.appendVarchar(source);
    row.appendVarchar(reason);
    row.endRow();
  }

  /** The commonest reasons of rejection, for the message when nothing is left. */
  async commonReasons(): Promise<{ reason: string; count: number }[]> {
    this.appenders.rejected.flushSync();
    const result = await this.connection.runAndReadAll(
      'SELECT reason, count(*) AS n FROM rejected GROUP BY reason ORDER BY n DESC, reason LIMIT 3',
    );
    return result.getRows().map(([reason, count]) => ({ reason: String(reason), count: Number(count) }));
  }

  /** Writes `instances.parquet` and so on into `folder`, and gives them as the files of an artifact. */
  async write(folder: string): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    for (const name of tableNames) {
      this.appenders[name].closeSync();
      const file = `${name}.parquet`;
      files[file] = join(folder, file);
      await writeParquet(this.connection, `FROM ${name}`, join(folder, file));
    }
    return files;
  }
}
