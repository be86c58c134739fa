import { checkOwnSteps } from '../../activities/registry.ts';
import { down as stop, upDetached } from '../../local/handle.ts';
import { homeFolder } from '../../local/paths.ts';
import { news, type OutputOptions, print } from '../output.ts';
import { tellOwnSteps } from '../ownSteps.ts';
import { columns } from '../text.ts';

export async function up(options: OutputOptions): Promise<void> {
  await checkOwnSteps();
  const run = await upDetached(homeFolder(), news);
  tellOwnSteps(run);
  const { addresses } = run;
  const rows = [
    ['Web UI', addresses.temporalUi],
    ['Temporal', addresses.temporal],
    ['S3', addresses.s3],
    ['Logs', `${homeFolder()}/logs`],
  ];
  print(options, addresses, `The stack is up.\n${columns(rows)}\nStop it with \`npx f2c down\`.`);
}

export async function down(options: OutputOptions): Promise<void> {
  const stopped = await stop(homeFolder());
  const text = stopped ? 'Stopped. The data stays; `npx f2c up` goes on with it.' : 'No stack was running.';
  print(options, { stopped }, text);
}
