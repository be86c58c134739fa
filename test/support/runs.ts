import { setTimeout as wait } from 'node:timers/promises';
import { Client, Connection, type HistoryAndWorkflowId, type WorkflowHandle } from '@temporalio/client';
import { type ArtifactStore, openStore } from '../../artifacts/store.ts';
import { newRunId, startRun } from '../../cli/runs.ts';
import type { JsonObject } from '../../language/text/json.ts';
import type { RunState, StepState } from '../../workflows/runTypes.ts';
import type { TestStack } from './stack.ts';

/** Talks to a test's stack as the command line does. */
export class Runs {
  readonly client: Client;
  readonly store: ArtifactStore;
  readonly #connection: Connection;

  private constructor(connection: Connection, store: ArtifactStore) {
    this.#connection = connection;
    this.client = new Client({ connection });
    this.store = store;
  }

  static async open({ env }: TestStack): Promise<Runs> {
    const connection = await Connection.connect({ address: env.TEMPORAL_ADDRESS as string });
    const store = openStore(env);
    await store.ensureBucket();
    return new Runs(connection, store);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Stores a pipeline file and starts a run of it. */
  async start(yaml: string, params: JsonObject = {}): Promise<WorkflowHandle> {
    const { digest } = await this.store.putBlob(Buffer.from(yaml));
    return startRun(this.client, { name: 'test', input: { pipeline: `sha256:${digest}`, params } });
  }

  /** Starts a run with whatever input, as a person might in Temporal's own UI. */
  startWith(input: unknown): Promise<WorkflowHandle> {
    return this.client.workflow.start('runPipeline', {
      workflowId: newRunId('test'),
      taskQueue: 'control',
      args: [input],
    });
  }

  /** State of a run after it has ended, however it ended. */
  async ended(handle: WorkflowHandle): Promise<RunState> {
    await handle.result().catch(() => {});
    return handle.query<RunState>('state');
  }

  /** The histories of all runs so far. */
  async histories(): Promise<HistoryAndWorkflowId[]> {
    const listed = this.client.workflow.list({
      query: "WorkflowType IN ('runPipeline', 'runFanOut', 'runSlice')",
    });
    const histories = [];
    for await (const { workflowId, runId } of listed) {
      const history = await this.client.workflow.getHandle(workflowId, runId).fetchHistory();
      histories.push({ workflowId, history });
    }
    return histories;
  }
}

export function stepOf(state: RunState, id: string): StepState {
  const step = state.steps.find((candidate) => candidate.id === id);
  if (step === undefined)
    throw new Error(`no step ${id} in ${state.steps.map((each) => each.id).join(', ')}`);
  return step;
}

/** Asks again and again until the answer is not undefined. */
export async function eventually<T>(ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await wait(100);
  }
}
