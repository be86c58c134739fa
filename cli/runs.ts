import { randomBytes } from 'node:crypto';
import {
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { RunInput } from '../activities/reuse.ts';
import { F2cError } from '../errors/failure.ts';
import { nearest } from '../language/text/nearest.ts';
import { paramText } from './params.ts';

export const workflowType = 'runPipeline';
export const controlQueue = 'control';

/** Run ids say what and when: "quickstart-20260401-093015-x7k2". */
export function newRunId(pipeline: string, now = new Date()): string {
  const time = now.toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '-');
  return `${pipeline}-${time}-${randomBytes(2).toString('hex')}`;
}

interface NewRun {
  /** Name of the pipeline, from which the id is made. */
  name: string;
  input: RunInput;
  /** The run whose work the new one goes on with, and how their params differ: `learningRate 0.1 -> 0.02`. */
  resumes?: { run: string; changes: string[] };
}

export function startRun(client: Client, run: NewRun): Promise<WorkflowHandle> {
  const { name, input, resumes } = run;
  const workflowId = newRunId(name);
  return client.workflow.start(workflowType, {
    workflowId,
    taskQueue: controlQueue,
    args: [input],
    ...startTexts(run, workflowId),
    ...(resumes && { memo: { resumedFrom: resumes.run, changes: resumes.changes } }),
  });
}

/** What Temporal's own UI shows of a run from its start on; for a scheduled one nobody knows the id yet. */
export function startTexts({ name, input, resumes }: NewRun, id?: string) {
  const params = Object.entries(input.params ?? {}).map((param) => listed(`\`${paramText(param)}\``));
  const chosen = (['force', 'from', 'only'] as const).flatMap((option) =>
    (input[option] ?? []).map((step) => listed(`\`--${option} ${step}\``)),
  );
  const commands = id === undefined ? ['list'] : [`show ${id}`, `logs ${id} --follow`, `cancel ${id}`];
  const how = resumes ? `, resumes ${resumes.run}` : id === undefined ? ', scheduled' : '';
  return {
    staticSummary: `Pipeline ${name}${how}`,
    staticDetails: [
      ...(resumes ? [`Goes on with the run \`${resumes.run}\`.`, ''] : []),
      ...(resumes?.changes.length ? ['What it changes:', '', ...resumes.changes.map(listed), ''] : []),
      ...(params.length === 0
        ? ['All params have their defaults.']
        : ['Params that were given:', '', ...params]),
      ...(chosen.length === 0 ? [] : ['', 'Steps that were chosen:', '', ...chosen]),
      '',
      '```',
      ...commands.map((command) => `npx f2c ${command}`),
      '```',
    ].join('\n'),
  };
}

function listed(text: string): string {
  return `- ${text}`;
}

export interface DescribedRun {
  handle: WorkflowHandle;
  info: WorkflowExecutionDescription;
}

/** What Temporal says of a run; F2C_RUN_UNKNOWN if there is none. */
export async function describeRun(client: Client, id: string): Promise<DescribedRun> {
  const handle = client.workflow.getHandle(id);
  try {
    return { handle, info: await handle.describe() };
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    const meant = await nearestRun(client, id);
    throw new F2cError('F2C_RUN_UNKNOWN', {
      what: `There is no run ${id}`,
      fix: `${meant === undefined ? '' : `Did you mean ${meant}? `}\`npx f2c list\` shows the runs`,
      cause: error,
    });
  }
}

/** Of the latest runs, the one whose id is most like this. */
async function nearestRun(client: Client, id: string): Promise<string | undefined> {
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: `WorkflowType = '${workflowType}'` })) {
    if (ids.push(workflowId) === 1_000) break;
  }
  return nearest(id, ids);
}

/** What started a run, read from the first event of its history. */
export async function inputOf(
  client: Client,
  { workflowId, runId }: WorkflowExecutionDescription,
): Promise<RunInput> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const [payload] = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  const input = payload && defaultPayloadConverter.fromPayload<Partial<RunInput> | null>(payload);
  if (typeof input?.pipeline === 'string') return { ...input, pipeline: input.pipeline };
  throw new F2cError('F2C_RUN_NOT_RESUMABLE', {
    what: `The run ${workflowId} was not started with a pipeline`,
    fix: 'Start a new run with `npx f2c run`',
  });
}
