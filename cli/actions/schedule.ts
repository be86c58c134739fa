import {
  type Client,
  type ScheduleHandle,
  ScheduleNotFoundError,
  type ScheduleOptions,
  ScheduleOverlapPolicy,
} from '@temporalio/client';
import { findPipeline, type PipelineSource } from '../../activities/pipelines.ts';
import { readSource } from '../../activities/reuse.ts';
import { usedPipelines, usedShipped } from '../../activities/usedPipelines.ts';
import { openStore } from '../../artifacts/store.ts';
import { F2cError } from '../../errors/failure.ts';
import type { Pipelines } from '../../language/text/sources.ts';
import { isFile, pipelineFile } from '../files.ts';
import { type OutputOptions, print } from '../output.ts';
import { controlQueue, startTexts, workflowType } from '../runs.ts';
import { withSession } from '../session.ts';
import { columns } from '../text.ts';

const overlaps = {
  skip: ScheduleOverlapPolicy.SKIP,
  bufferOne: ScheduleOverlapPolicy.BUFFER_ONE,
  bufferAll: ScheduleOverlapPolicy.BUFFER_ALL,
  cancelOther: ScheduleOverlapPolicy.CANCEL_OTHER,
  terminateOther: ScheduleOverlapPolicy.TERMINATE_OTHER,
  allowAll: ScheduleOverlapPolicy.ALLOW_ALL,
};

export async function apply(pipeline: string, options: OutputOptions): Promise<void> {
  const file = isFile(pipeline) ? await pipelineFile(pipeline) : undefined;
  if (file !== undefined) readSchedule(file, await usedShipped(file));
  await withSession({ start: false }, async ({ client, env }) => {
    const store = openStore(env);
    await store.ensureBucket();
    const source = file ?? (await findPipeline(store, pipeline));
    const { name, summary, schedule } = readSchedule(source, await usedPipelines(store, source));
    // A file is scheduled as it is now; a name means whatever is applied when a run starts.
    const { digest } = await store.putBlob(Buffer.from(source.text));
    const started = file === undefined ? pipeline : `sha256:${digest}`;
    const input = { pipeline: started, params: schedule.params };
    const settings = {
      spec: { cronExpressions: [schedule.cron], timezone: schedule.timezone },
      policies: { overlap: overlaps[schedule.overlap], catchupWindow: schedule.catchupMs },
      action: {
        type: 'startWorkflow' as const,
        workflowType,
        workflowId: name,
        taskQueue: controlQueue,
        args: [input],
        ...startTexts({ name, input }),
      },
    } satisfies Omit<ScheduleOptions, 'scheduleId'>;
    const created = await createOrUpdate(client, name, summary, settings);
    const when = `${schedule.cron} (${schedule.timezone}), overlap: ${schedule.overlap}`;
    print(
      options,
      { pipeline: name, created, schedule },
      `${created ? 'Created' : 'Updated'} the schedule of ${name}: ${when}`,
    );
  });
}

function readSchedule(source: PipelineSource, pipelines: Pipelines) {
  const { name, summary, schedule } = readSource(source, pipelines);
  if (schedule === undefined) {
    throw new F2cError('F2C_SCHEDULE_MISSING', {
      what: `The pipeline ${name} has no schedule`,
      where: source.file,
      fix: 'Add one: schedule: { cron: "0 3 * * 0", timezone: UTC }',
    });
  }
  return { name, summary, schedule };
}

async function createOrUpdate(
  client: Client,
  name: string,
  summary: string,
  settings: Omit<ScheduleOptions, 'scheduleId'>,
): Promise<boolean> {
  const handle = client.schedule.getHandle(name);
  try {
    await handle.update((previous) => ({
      ...previous,
      ...settings,
      state: { ...previous.state, note: summary },
    }));
    return false;
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    await client.schedule.create({ scheduleId: name, state: { note: summary }, ...settings });
    return true;
  }
}

export function list(options: OutputOptions): Promise<void> {
  return withSession({ start: false }, async ({ client }) => {
    const schedules = [];
    for await (const { scheduleId, info, state } of client.schedule.list()) {
      const next = info?.nextActionTimes[0]?.toISOString() ?? null;
      schedules.push({ pipeline: scheduleId, next, paused: state.paused, note: state.note ?? '' });
    }
    const rows = schedules.map(({ pipeline, next, paused, note }) => [
      pipeline,
      paused ? 'paused' : (next?.slice(0, 16).replace('T', ' ') ?? ''),
      note,
    ]);
    const table = columns([['Pipeline', 'Next run (UTC)', 'Summary'], ...rows]);
    print(options, schedules, rows.length === 0 ? 'No schedules yet.' : table);
  });
}

/** Runs a scheduled pipeline now. */
export function trigger(name: string, options: OutputOptions): Promise<void> {
  return withSession({ start: false }, async ({ client }) => {
    await existing(client, name, (handle) => handle.trigger());
    const text = `Triggered ${name}. \`npx f2c list\` shows the run.`;
    print(options, { pipeline: name, triggered: true }, text);
  });
}

export function remove(name: string, options: OutputOptions): Promise<void> {
  return withSession({ start: false }, async ({ client }) => {
    await existing(client, name, (handle) => handle.delete());
    print(options, { pipeline: name, deleted: true }, `Deleted the schedule of ${name}.`);
  });
}

async function existing(
  client: Client,
  name: string,
  act: (handle: ScheduleHandle) => Promise<void>,
): Promise<void> {
  try {
    await act(client.schedule.getHandle(name));
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
    throw new F2cError('F2C_SCHEDULE_UNKNOWN', {
      what: `There is no schedule ${name}`,
      fix: '`npx f2c schedule list` shows the schedules',
      cause: error,
    });
  }
}
