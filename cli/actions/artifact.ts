import { exportArtifact, exportedFiles } from '../../artifacts/exporting.ts';
import { describe } from '../../artifacts/lineage.ts';
import type { Manifest } from '../../artifacts/manifest.ts';
import { openStore } from '../../artifacts/store.ts';
import { F2cError } from '../../errors/failure.ts';
import { type ArtifactKind, artifactKinds } from '../../language/contract/step.ts';
import { nearest } from '../../language/text/nearest.ts';
import { type OutputOptions, print } from '../output.ts';
import { withServers } from '../servers.ts';
import { bytes, columns, counted } from '../text.ts';

export async function list(kind: string | undefined, options: OutputOptions): Promise<void> {
  const only = kind === undefined ? undefined : readKind(kind);
  await withServers({ start: false }, async ({ env }) => {
    const manifests: Manifest[] = [];
    for await (const manifest of openStore(env).list(only)) manifests.push(manifest);
    manifests.sort((a, b) => b.madeBy.at.localeCompare(a.madeBy.at));
    const rows = manifests.map(({ kind, key, files, madeBy }) => {
      const size = Object.values(files).reduce((sum, file) => sum + file.size, 0);
      const made = madeBy.at.slice(0, 19).replace('T', ' ');
      return [key.slice(0, 12), kind, madeBy.instance ?? madeBy.step, bytes(size), made, madeBy.run];
    });
    const table = columns([['Key', 'Kind', 'Step', 'Size', 'Made (UTC)', 'Run'], ...rows]);
    print(options, manifests, rows.length === 0 ? `No ${only ?? 'artifact'} yet.` : table);
  });
}

export async function show(key: string, options: OutputOptions): Promise<void> {
  await withServers({ start: false }, async ({ env }) => {
    const store = openStore(env);
    const manifest = await store.resolve(undefined, key);
    print(options, manifest, (await describe(store, manifest)).trimEnd());
  });
}

export async function exportFiles(key: string, folder: string, options: OutputOptions): Promise<void> {
  await withServers({ start: false }, async ({ env }) => {
    const store = openStore(env);
    const manifest = await store.resolve(undefined, key);
    await exportArtifact(store, manifest, folder);
    const files = Object.keys(exportedFiles(manifest));
    const text = `Wrote ${counted(files.length, 'file')} of ${manifest.kind} ${manifest.key.slice(0, 12)} to ${folder}`;
    print(options, { folder, files }, text);
  });
}

function readKind(kind: string): ArtifactKind {
  const known = artifactKinds.find((name) => name === kind);
  if (known !== undefined) return known;
  const meant = nearest(kind, artifactKinds);
  throw new F2cError('F2C_USAGE', {
    what: `"${kind}" is not a kind of artifact`,
    fix: meant === undefined ? `Use one of ${artifactKinds.join(', ')}` : `Did you mean "${meant}"?`,
  });
}
