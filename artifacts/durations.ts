import type { ArtifactKind } from '../language/contract/step.ts';
import { contentKey } from './canonical.ts';
import { beforeAt, type Place } from './places.ts';
import type { ArtifactStore } from './store.ts';

/** How long a step may take, by what such steps took before. */
export interface Estimate {
  seconds: number;
  /** What is left of a training at its pace so far, the last time at the same place, or the median of the step kind. */
  from: 'training' | 'place' | 'kind';
}

/** Artifacts of a kind that are looked at; keys are digests, so the first ones are a random sample. */
const sampleSize = 50;

/** What steps took before, from the manifests that they left; one for all questions of a moment. */
export class Durations {
  private readonly store: ArtifactStore;
  private readonly samples = new Map<ArtifactKind, Promise<Map<string, number[]>>>();

  constructor(store: ArtifactStore) {
    this.store = store;
  }

  /** Undefined where no such step has left an artifact. */
  async estimate(kind: ArtifactKind, step: string, place: Place): Promise<Estimate | undefined> {
    const { made } = await beforeAt(this.store, kind, place);
    const stored = made && (await this.store.read(kind, contentKey(made)));
    const seconds = stored && 'manifest' in stored ? stored.manifest.measured.seconds : undefined;
    if (seconds !== undefined) return { seconds, from: 'place' };
    const sample = this.samples.get(kind) ?? this.sample(kind);
    this.samples.set(kind, sample);
    const known = (await sample).get(step);
    return known && { seconds: median(known), from: 'kind' };
  }

  /** Seconds by step kind of some artifacts of a kind. */
  private async sample(kind: ArtifactKind): Promise<Map<string, number[]>> {
    const keys: string[] = [];
    for await (const { key } of this.store.names(kind)) {
      keys.push(key);
      if (keys.length === sampleSize) break;
    }
    const seconds = new Map<string, number[]>();
    for (const stored of await Promise.all(keys.map((key) => this.store.read(kind, key)))) {
      if (stored === undefined || !('manifest' in stored)) continue;
      const { madeBy, measured } = stored.manifest;
      if (measured.seconds === undefined) continue;
      seconds.set(madeBy.step, [...(seconds.get(madeBy.step) ?? []), measured.seconds]);
    }
    return seconds;
  }
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
