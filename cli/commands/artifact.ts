import type { Command } from 'commander';
import { exportArtifact } from '../../artifacts/exporting.ts';
import { describe } from '../../artifacts/lineage.ts';
import type { Manifest } from '../../artifacts/manifest.ts';
import { F2cError } from '../../errors/failure.ts';
import { type ArtifactKind, artifactKinds } from '../../language/step.ts';
import { type OutputOptions, print } from '../output.ts';
import { type Session, withSession } from '../session.ts';
import { bytes, columns } from '../text.ts';

export function artifactCommands(program: Command): void {
  const artifact = program.command('artifact').summary('look into the artifact store');

  artifact
    .command('list')
    .summary('list artifacts, newest first')
    .argument('[kind]', `one of ${artifactKinds.join(', ')}`)
    .option('--json', 'print as JSON')
    .action((kind: string | undefined, options: OutputOptions) =>
      withSession({ start: false }, (session) =>
        list(session, kind === undefined ? undefined : readKind(kind), options),
      ),
    );

  artifact
    .command('show')
    .summary('show where an artifact comes from and what is in it')
    .argument('<key>', 'the key, or its first digits')
    .option('--json', 'print the manifest as JSON')
    .action((key: string, options: OutputOptions) =>
      withSession({ start: false }, (session) => show(session, key, options)),
    );

  artifact
    .command('export')
    .summary('write the files of an artifact into a new folder, verified')
    .argument('<key>', 'the key, or its first digits')
    .argument('<folder>', 'a folder that does not exist yet, or is empty')
    .option('--json', 'print as JSON')
    .addHelpText('after', '\nExample:\n  $ f2c artifact export 3f2a91 model/')
    .action((key: string, folder: string, options: OutputOptions) =>
      withSession({ start: false }, async ({ store }) => {
        const manifest = await store.resolve(undefined, key);
        await exportArtifact(store, manifest, folder);
        const files = Object.keys(manifest.files);
        print(
          options,
          { folder, files },
          `Wrote ${files.length} files of ${manifest.kind} ${key} to ${folder}`,
        );
      }),
    );
}

function readKind(kind: string): ArtifactKind {
  const known = artifactKinds.find((name) => name === kind);
  if (known !== undefined) return known;
  throw new F2cError('F2C_USAGE', {
    what: `"${kind}" is not a kind of artifact`,
    fix: `Use one of ${artifactKinds.join(', ')}`,
  });
}

async function list(
  { store }: Session,
  kind: ArtifactKind | undefined,
  options: OutputOptions,
): Promise<void> {
  const manifests: Manifest[] = [];
  for await (const manifest of store.list(kind)) manifests.push(manifest);
  manifests.sort((a, b) => b.madeBy.at.localeCompare(a.madeBy.at));
  const rows = manifests.map(({ kind, key, files, madeBy }) => {
    const size = Object.values(files).reduce((sum, file) => sum + file.size, 0);
    return [key.slice(0, 12), kind, bytes(size), madeBy.at.slice(0, 19).replace('T', ' '), madeBy.run];
  });
  const text =
    rows.length === 0
      ? 'No artifacts yet.'
      : columns([['Key', 'Kind', 'Size', 'Made (UTC)', 'By run'], ...rows]);
  print(options, manifests, text);
}

async function show({ store }: Session, key: string, options: OutputOptions): Promise<void> {
  const manifest = await store.resolve(undefined, key);
  print(options, manifest, await describe(store, manifest));
}
