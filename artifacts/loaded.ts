import type { ArtifactRef, Manifest } from './manifest.ts';
import type { ArtifactStore } from './store.ts';

/** What this many steps take at the same time is hardly more. */
const mostKept = 64;

/**
 * The very artifacts that references name, those loaded last kept: many steps of a run take the same ones, and what a
 * digest names does not change. Each reader has a copy of its own.
 */
export class LoadedManifests {
  readonly #store: ArtifactStore;
  /** The one that was asked for last is the last. */
  readonly #kept = new Map<string, Promise<Manifest>>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /** F2C_ARTIFACT_UNKNOWN, F2C_BLOB_CORRUPT. */
  async load(ref: ArtifactRef): Promise<Manifest> {
    const name = `${ref.kind}/${ref.key}/${ref.digest}`;
    const loading = this.#kept.get(name) ?? this.#store.load(ref);
    this.#kept.delete(name);
    this.#kept.set(name, loading);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= mostKept) break;
      this.#kept.delete(oldest);
    }
    try {
      return structuredClone(await loading);
    } catch (error) {
      if (this.#kept.get(name) === loading) this.#kept.delete(name);
      throw error;
    }
  }
}
