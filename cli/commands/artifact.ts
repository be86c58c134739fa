import type { Command } from 'commander';
import { artifactKinds } from '../../language/contract/step.ts';
import type { OutputOptions } from '../output.ts';
import { examples } from './options.ts';

export function artifactCommands(program: Command): void {
  const artifact = program
    .command('artifact')
    .summary('look into the artifact store')
    .description('Looks into the artifact store: what the steps of all runs have made.');

  artifact
    .command('list')
    .summary('list artifacts, newest first')
    .description('Lists artifacts, the newest first, with the steps and runs that made them.')
    .argument('[kind]', `one of ${artifactKinds.join(', ')}`)
    .option('--json', 'print the manifests as JSON')
    .addHelpText('after', examples('artifact list', 'artifact list model'))
    .action(async (kind: string | undefined, options: OutputOptions) =>
      (await import('../actions/artifact.ts')).list(kind, options),
    );

  artifact
    .command('show')
    .summary('show where an artifact comes from and what is in it')
    .description('Shows where an artifact comes from, back to the images, and what is in it.')
    .argument('<key>', 'the key, or its first six digits or more; `npx f2c artifact list` shows it')
    .option('--json', 'print the manifest as JSON, with metrics unrounded')
    .addHelpText('after', examples('artifact show 3f2a91'))
    .action(async (key: string, options: OutputOptions) =>
      (await import('../actions/artifact.ts')).show(key, options),
    );

  artifact
    .command('export')
    .summary('write the files of an artifact into a new folder, verified')
    .description('Writes the files of an artifact, a model for one, into a new folder and verifies them.')
    .argument('<key>', 'the key, or its first six digits or more; `npx f2c artifact list` shows it')
    .argument('<folder>', 'a folder that does not exist yet, or is empty')
    .option('--json', 'print as JSON')
    .addHelpText('after', examples('artifact export 3f2a91 model/'))
    .action(async (key: string, folder: string, options: OutputOptions) =>
      (await import('../actions/artifact.ts')).exportFiles(key, folder, options),
    );
}
