import type { Command } from 'commander';
import { down, upDetached } from '../../local/handle.ts';
import { homeFolder } from '../../local/paths.ts';
import { news, type OutputOptions, print } from '../output.ts';
import { columns } from '../text.ts';

export function stackCommands(program: Command): void {
  program
    .command('up')
    .summary('start the embedded stack (Temporal, S3, workers) and leave it running')
    .option('--json', 'print the addresses as JSON')
    .action(up);
  program
    .command('down')
    .summary('stop the embedded stack; its data stays')
    .option('--json', 'print as JSON')
    .action(async (options: OutputOptions) => {
      const stopped = await down(homeFolder());
      const text = stopped
        ? 'Stopped. The data stays; `npx f2c up` goes on with it.'
        : 'No stack was running.';
      print(options, { stopped }, text);
    });
}

async function up(options: OutputOptions): Promise<void> {
  const { addresses } = await upDetached(homeFolder(), news);
  const rows = [
    ['Web UI', addresses.temporalUi],
    ['Temporal', addresses.temporal],
    ['S3', addresses.s3],
    ['Logs', `${homeFolder()}/logs`],
  ];
  print(options, addresses, `The stack is up.\n${columns(rows)}\nStop it with \`npx f2c down\`.`);
}
