import { F2cError } from '../errors/failure.ts';
import type { ArtifactKind } from '../language/contract/step.ts';
import { short } from './canonical.ts';
import { exportedFiles } from './exporting.ts';
import { type ArtifactRef, hasEffect, type Manifest } from './manifest.ts';
import { rounded } from './rounded.ts';
import type { ArtifactStore } from './store.ts';

function parents(manifest: Manifest): ArtifactRef[] {
  return Object.keys(manifest.inputs)
    .sort()
    .flatMap((name) => manifest.inputs[name] ?? []);
}

/**
 * The nearest artifact of a kind that `manifest` was made from, directly or not; of several equally near the
 * first by input name. F2C_ARTIFACT_UNKNOWN when there is none, or when one on the way is no longer there.
 */
export async function ancestor(
  store: ArtifactStore,
  manifest: Manifest,
  kind: ArtifactKind,
): Promise<Manifest> {
  const seen = new Set<string>();
  let generation = parents(manifest);
  while (generation.length > 0) {
    const nearest = generation.find((ref) => ref.kind === kind);
    if (nearest !== undefined) return store.load(nearest);
    const older: ArtifactRef[] = [];
    for (const ref of generation) {
      const id = `${ref.kind} ${ref.key}`;
      if (seen.has(id)) continue;
      seen.add(id);
      older.push(...parents(await store.load(ref)));
    }
    generation = older;
  }
  throw new F2cError('F2C_ARTIFACT_UNKNOWN', {
    what: `The ${manifest.kind} ${short(manifest.key)} was not made from any ${kind}`,
  });
}

/** An artifact as text for people: what it is, what it holds, what it was made from, back to the sources. */
export async function describe(store: ArtifactStore, manifest: Manifest): Promise<string> {
  const { madeBy, from } = manifest;
  const files = Object.entries(exportedFiles(manifest)).sort(([a], [b]) => (a < b ? -1 : 1));
  const bytes = files.reduce((sum, [, { size }]) => sum + size, 0);
  const lines = [
    `${manifest.kind} ${manifest.key}`,
    `digest    ${manifest.digest}`,
    `made by   ${madeBy.step} v${madeBy.version}, run ${madeBy.run}, ${madeBy.at}, code ${short(madeBy.code)}`,
    ...section('params', from.params),
    ...section('facts', manifest.facts),
    ...section('metrics', roundedAll(manifest.metrics)),
    ...section('measured', roundedAll(manifest.measured)),
    `files     ${files.length}, ${bytes} bytes`,
    ...files.map(([path, { digest, size }]) => `  ${short(digest)} ${String(size).padStart(12)}  ${path}`),
    'made from',
    ...(await lineage(store, manifest, '  ')),
  ];
  return `${lines.join('\n')}\n`;
}

function roundedAll(values: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, rounded(value)]));
}

function section(title: string, values: Record<string, unknown>): string[] {
  const names = Object.keys(values).sort();
  if (names.length === 0) return [];
  return [title, ...names.map((name) => `  ${name}: ${JSON.stringify(values[name])}`)];
}

/**
 * The tree of inputs, one artifact a line; under an artifact that was `shown` before, its own inputs are left
 * out. What can no longer be loaded is still named.
 */
async function lineage(
  store: ArtifactStore,
  manifest: Manifest,
  indent: string,
  shown: Set<string> = new Set(),
): Promise<string[]> {
  const { fingerprint } = manifest.from;
  const lines =
    fingerprint === undefined || hasEffect(manifest.from)
      ? []
      : [`${indent}the source as of ${short(fingerprint)}`];
  for (const ref of parents(manifest)) {
    const name = `${indent}${ref.kind} ${short(ref.key)}`;
    if (shown.has(ref.digest)) {
      lines.push(`${name} as above`);
      continue;
    }
    shown.add(ref.digest);
    try {
      const parent = await store.load(ref);
      const { madeBy } = parent;
      lines.push(`${name} made by ${madeBy.step} v${madeBy.version}, run ${madeBy.run}`);
      lines.push(...(await lineage(store, parent, `${indent}  `, shown)));
    } catch (error) {
      if (!(error instanceof F2cError) || error.code !== 'F2C_ARTIFACT_UNKNOWN') throw error;
      lines.push(`${name} no longer there`);
    }
  }
  return lines;
}
