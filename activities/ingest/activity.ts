import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { F2cError } from '../../errors/failure.ts';
import { withDatabase } from '../duckdb.ts';
import { implement, type StepContext } from '../step.ts';
import { ingestStep } from './contract.ts';
import { DatasetWriter, type Outcome } from './dataset.ts';
import { openSource } from './forms.ts';
import { type ImageForm, largestFile, toSquareJpeg } from './image.ts';
import { listingDigest, sortedListing, storeListing } from './listing.ts';
import { inOrder } from './ordered.ts';
import { type Source, type SourceEntry, Unusable } from './source.ts';
import { DatasetTables } from './tables.ts';

/** Files in flight: enough to hide the latency of S3 and to keep every core busy. */
const width = 32;

/**
 * Packs the images of a source into shards, in natural order of identities and files, and writes down what
 * was taken and what was not. Listing, images and tables are streamed, so memory does not grow with them.
 */
export const runIngest = implement(
  ingestStep,
  async (params, step) => {
    const source = openSource(params.source, step.store);
    return withDatabase(step.workDir, step.signal, async (connect) => {
      const listing = await connect();
      const { count: total, digest } = await storeListing(source, listing, step.signal, (found) =>
        step.progress({ done: 0, total: found, unit: 'images', note: 'listing the source' }),
      );
      if (step.fingerprint !== undefined && step.fingerprint !== digest) throw sourceChanged(source.name);
      const dataset = new DatasetWriter(step.workDir, await DatasetTables.create(await connect()), params);
      // Each request listens to the signal while it lasts, which Node takes for a leak above ten.
      const signal = AbortSignal.any([step.signal]);
      setMaxListeners(2 * width, signal);
      const convert = (entry: SourceEntry) => toOutcome(source, entry, params, { signal, log: step.log });
      try {
        for await (const outcome of inOrder(sortedListing(listing), width, convert)) {
          step.signal.throwIfAborted();
          await dataset.add(outcome);
          step.progress({
            done: dataset.seen,
            total,
            unit: 'images',
            note: `${dataset.facts.rejected} rejected`,
          });
        }
        if (dataset.seen !== total) {
          throw new Error(`${total} entries were found, but ${dataset.seen} accounted for`);
        }
        return await dataset.finish(source.name);
      } finally {
        await dataset.abandon();
      }
    });
  },
  (params, step) => listingDigest(openSource(params.source, step.store), step.signal),
);

/** What was keyed by the old listing must not hold the new images. */
function sourceChanged(where: string): F2cError {
  return new F2cError('F2C_SOURCE_CHANGED', {
    what: 'The source changed between the look-up and the reading',
    where,
    fix: 'Run again when nobody writes to it',
  });
}

async function toOutcome(
  source: Source,
  entry: SourceEntry,
  form: ImageForm,
  { signal, log }: Pick<StepContext, 'signal' | 'log'>,
): Promise<Outcome> {
  try {
    if (entry.problem !== undefined) throw new Unusable(entry.problem);
    if (entry.size > largestFile) throw new Unusable(`the file is larger than ${largestFile / 2 ** 20} MiB`);
    const jpeg = await toSquareJpeg(await source.read(entry, signal), form);
    const sha256 = createHash('sha256').update(jpeg).digest('hex');
    return { source: entry.key, identity: entry.identity, jpeg, sha256 };
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    log.debug({ source: entry.key, err: error }, 'rejected');
    return { source: entry.key, reason: error.message };
  }
}
