import { type OutputOptions, print } from '../output.ts';
import { describeRun } from '../runs.ts';
import { withSession } from '../session.ts';

export function cancel(id: string, options: OutputOptions): Promise<void> {
  return withSession({ start: false }, async ({ client }) => {
    const { handle, info } = await describeRun(client, id);
    const running = info.status.name === 'RUNNING';
    if (running) await handle.cancel();
    const text = running
      ? `Asked ${id} to stop. \`npx f2c resume ${id}\` goes on with it.`
      : `The run ${id} has ended already.`;
    print(options, { run: id, cancelled: running }, text);
  });
}
