import type { ArtifactStore } from '../artifacts/store.ts';
import { F2cError, sentences } from '../errors/failure.ts';
import { pipelinesIn } from '../language/grammar/uses.ts';
import { deepest } from '../language/references/library.ts';
import type { Pipelines } from '../language/text/sources.ts';
import { findPipeline, type PipelineSource } from './pipelines.ts';
import { shippedNames, shippedSource } from './shipped.ts';

/** Digests of used pipelines by the names that they have in the files: what a run has begun with stays. */
export type Pinned = Readonly<Record<string, string>>;

/**
 * The pipelines that a file uses, and those that they use themselves. A name that stands for nothing is told by the
 * checker, at its place in the file.
 */
export function usedPipelines(
  store: ArtifactStore,
  { text }: Pick<PipelineSource, 'text'>,
  pinned: Pinned = {},
): Promise<Pipelines> {
  return collect(text, (name) => {
    const digest = Object.hasOwn(pinned, name) ? pinned[name] : undefined;
    return findPipeline(store, digest === undefined ? name : `sha256:${digest}`);
  });
}

/** As `usedPipelines`, without a store: of pipelines that do not ship nothing is known. */
export async function usedShipped({ text }: Pick<PipelineSource, 'text'>): Promise<Pipelines> {
  const shipped = await shippedNames();
  return collect(text, async (name) => (shipped.includes(name) ? await shippedSource(name) : undefined));
}

/** The names of pipelines of which nothing is known. */
export function uncheckedIn(pipelines: Pipelines): string[] {
  return Object.entries(pipelines).flatMap(([name, named]) => ('unchecked' in named ? [name] : []));
}

type Find = (name: string) => Promise<PipelineSource | undefined>;

async function collect(text: string, find: Find): Promise<Pipelines> {
  const found: Record<string, Pipelines[string]> = {};
  let texts = [text];
  // What lies deeper is refused anyway.
  for (let depth = 1; depth <= deepest && texts.length > 0; depth++) {
    const names = new Set(texts.flatMap(pipelinesIn).filter((name) => !Object.hasOwn(found, name)));
    texts = [];
    for (const name of names) {
      const named = await lookUp(name, find);
      found[name] = named;
      if ('text' in named) texts.push(named.text);
    }
  }
  return found;
}

async function lookUp(name: string, find: Find): Promise<Pipelines[string]> {
  try {
    return (await find(name)) ?? { unchecked: true };
  } catch (error) {
    if (!(error instanceof F2cError) || error.code !== 'F2C_PIPELINE_UNKNOWN') throw error;
    return { fault: sentences(error.parts).replace(/\.$/, '') };
  }
}
