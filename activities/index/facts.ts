import type { Part } from './split.ts';

/** What an index's manifest, and its `index.json`, say of it. */
export type IndexFacts = {
  /** Width and height of every instance, in pixels. */
  imageSize: number;
  /** File names under `shards/`; the position is the number in `<part>.shard.npy`. */
  shards: string[];
  /** With which identities were drawn. */
  seed: number;
  parts: Record<Part, { identities: number; instances: number }>;
};
