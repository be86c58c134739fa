import { fileURLToPath } from 'node:url';
import { type ReplayHistoriesIterable, Worker } from '@temporalio/worker';
import { register } from 'tsx/cjs/api';

const pathOf = (file: string) => fileURLToPath(new URL(`../../workflows/${file}`, import.meta.url));

/** What replaying each history with today's workflow code says: nothing, or how it went another way. */
export async function replayed(histories: ReplayHistoriesIterable) {
  // As in a worker, the SDK requires the converter, and Node alone knows no TypeScript.
  const unregister = register();
  try {
    const results: { workflowId: string; error: unknown }[] = [];
    const workflowsPath = pathOf('registered.ts');
    const dataConverter = { payloadConverterPath: pathOf('converter.ts') };
    for await (const { workflowId, error } of Worker.runReplayHistories(
      { workflowsPath, dataConverter, interceptors: { workflowModules: [pathOf('askedDetails.ts')] } },
      histories,
    )) {
      results.push({ workflowId, error });
    }
    return results;
  } finally {
    unregister();
  }
}
