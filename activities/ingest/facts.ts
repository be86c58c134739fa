import { z } from 'zod';

/** What a dataset's manifest says of it. */
export const datasetFacts = z.object({
  /** Width and height of every instance, in pixels. */
  imageSize: z.int(),
  identities: z.int(),
  instances: z.int(),
  rejected: z.int(),
  /** File names under `shards/`; the position is the number in instances.parquet. */
  shards: z.array(z.string()),
  /** Of all JPEGs together. */
  bytes: z.int(),
});
export type DatasetFacts = z.infer<typeof datasetFacts>;
