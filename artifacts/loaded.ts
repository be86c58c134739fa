import type { ArtifactRef, Manifest } from './manifest.ts';
import type { ArtifactStore } from './store.ts';

/** Steps that run at the same time take hardly more, but for those that gather many, which then replace all others. */
const mostKept = 64;

/**
 * The very artifacts that references name, those loaded last kept: many steps of a run take the same ones. Only for that
 * run: when one is made again to the same content, how long that took is new. Each reader has a copy of its own.
 */
export class LoadedManifests {
  readonly #store: ArtifactStore;
  /** The one that was asked for last is the last. */
  readonly #kept = new Map<string, Promise<Manifest>>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /** `run` is Temporal's own id of it. F2C_ARTIFACT_UNKNOWN, F2C_BLOB_CORRUPT. */
  async load(ref: ArtifactRef, run: string): Promise<Manifest> {
    const name = `${run}/${ref.kind}/${ref.key}/${ref.digest}`;
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
