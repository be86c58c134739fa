import type { DuckDBConnection } from '@duckdb/node-api';
import { F2cError } from '../../errors/failure.ts';
import { quoted } from '../duckdb.ts';
import { type Part, parts, type Split } from './split.ts';

export interface PartSize {
  identities: number;
  instances: number;
  /** Identities with two instances or more. */
  withPair: number;
}

/** Makes the tables of a dataset known as `dataset_instances` and `dataset_identities`; gives the number of identities. */
export async function openDataset(
  connection: DuckDBConnection,
  files: { instances: string; identities: string },
): Promise<number> {
  for (const [name, file] of Object.entries(files)) {
    await connection.run(`CREATE VIEW dataset_${name} AS FROM read_parquet(${quoted(file)})`);
  }
  const [different] = await numbers(
    connection,
    `SELECT count(*) FROM (SELECT identity, count(*) AS n FROM dataset_instances GROUP BY identity)
     FULL JOIN dataset_identities USING (identity) WHERE n IS DISTINCT FROM count`,
  );
  if (different !== 0) {
    throw new F2cError('F2C_DATA_CORRUPT', {
      what: `The tables of the dataset disagree on the instances of ${different} identities`,
      fix: 'Ingest the images again',
    });
  }
  const [identities = 0] = await numbers(connection, 'SELECT count(*) FROM dataset_identities');
  return identities;
}

/**
 * Makes the table `placed`: identity, name, part (a position in `parts`), `first` and `count` of its instances
 * in that part. Identities are drawn by a digest of seed and name, so that the draw of a name does not depend
 * on which other names there are.
 */
export async function placeIdentities(
  connection: DuckDBConnection,
  split: Split,
  seed: number,
): Promise<Record<Part, PartSize>> {
  const inTest =
    'drawn' in split.test
      ? `draw <= ${split.test.drawn}`
      : `place > ${split.test.fold.from} AND place <= ${split.test.fold.to}`;
  await connection.run(
    `CREATE TABLE placed AS
     WITH ranked AS (
       SELECT *, row_number() OVER (ORDER BY identity) AS place,
         row_number() OVER (ORDER BY sha256(${quoted(`${seed}/`)} || name), name) AS draw
       FROM dataset_identities
     ), tested AS (SELECT *, ${inTest} AS test FROM ranked),
     parted AS (
       SELECT identity, name, count, CASE WHEN test THEN 2
         WHEN row_number() OVER (PARTITION BY test ORDER BY draw) <= ${split.validation} THEN 1
         ELSE 0 END AS part
       FROM tested
     )
     SELECT identity, name, part, count,
       CAST(sum(count) OVER (PARTITION BY part ORDER BY identity) - count AS BIGINT) AS first
     FROM parted ORDER BY part, identity`,
  );
  const sizes = parts.map(async (part, position) => {
    const [identities = 0, instances = 0, withPair = 0] = await numbers(
      connection,
      `SELECT count(*), coalesce(sum(count), 0), count(*) FILTER (count > 1) FROM placed WHERE part = ${position}`,
    );
    return [part, { identities, instances, withPair }] as const;
  });
  return Object.fromEntries(await Promise.all(sizes)) as Record<Part, PartSize>;
}

async function numbers(connection: DuckDBConnection, query: string): Promise<number[]> {
  const [row = []] = (await connection.runAndReadAll(query)).getRows();
  return row.map(Number);
}
