import { planOf } from '../../activities/reuse.ts';
import { sha256 } from '../../artifacts/canonical.ts';
import { openStore } from '../../artifacts/store.ts';
import { pipelineFile } from '../files.ts';
import { watchToEnd } from '../follow.ts';
import { type OutputOptions, print } from '../output.ts';
import { readParams } from '../params.ts';
import { startRun } from '../runs.ts';
import { withSession } from '../session.ts';

interface RunOptions extends OutputOptions {
  param?: string[];
  detach?: boolean;
}

export async function run(pipeline: string, options: RunOptions): Promise<void> {
  const { param = [], detach = false } = options;
  const params = readParams(param);
  const { text, file } = await pipelineFile(pipeline);
  // Everything that can be wrong with the file or the params is said before any server is asked.
  const { name } = planOf({ text, file, digest: sha256(text) }, params);
  await withSession({ start: !detach }, async (session) => {
    const store = openStore(session.env);
    await store.ensureBucket();
    const { digest } = await store.putBlob(Buffer.from(text));
    const input = { pipeline: `sha256:${digest}`, params };
    const { workflowId } = await startRun(session.client, { name, input });
    if (detach) print(options, { run: workflowId }, workflowId);
    else await watchToEnd(workflowId, session, options);
  });
}
