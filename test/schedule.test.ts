import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunState } from '../workflows/runTypes.ts';
import { f2c } from './support/cli.ts';
import { eventually, Runs, stepOf } from './support/runs.ts';
import { startTestStack, type TestStack } from './support/stack.ts';

let stack: TestStack;
let runs: Runs;
let folder: string;
let file: string;

beforeAll(async () => {
  stack = await startTestStack({ workers: true });
  runs = await Runs.open(stack);
  folder = await mkdtemp(join(tmpdir(), 'f2c-schedule-'));
  file = join(folder, 'weekly.yaml');
  for (const person of ['ann', 'bob', 'cyd']) await addImages(person, 3);
  await writeFile(file, pipeline(join(folder, 'faces')));
}, 120_000);

afterAll(async () => {
  await runs.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

const pipeline = (source: string) => `
name: weekly
summary: Trains every week on what is there
params:
  source: { type: string }
steps:
  faces: { uses: ingest, with: { source: "\${{ params.source }}", imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }
  train:
    uses: train
    with: { index: "\${{ steps.people.index }}", head: fc, width: 0.25, embeddingSize: 32, images: 24, identitiesPerStep: 2, instancesPerStep: 2 }
schedule:
  cron: "0 3 * * 0"
  timezone: Europe/Paris
  overlap: skip
  catchup: 1h
  params: { source: ${JSON.stringify(source)} }
`;

it('creates a schedule, runs it now, trains again only when there are new images, and is deleted', async () => {
  const created = await f2c(stack.env, 'schedule', 'apply', file);
  expect(created.stdout).toBe('Created the schedule of weekly: 0 3 * * 0 (Europe/Paris), overlap: skip\n');
  expect((await f2c(stack.env, 'schedule', 'apply', file)).stdout).toMatch(/^Updated the schedule of weekly/);
  const [listed] = JSON.parse((await f2c(stack.env, 'schedule', 'list', '--json')).stdout);
  expect(listed).toMatchObject({
    pipeline: 'weekly',
    paused: false,
    note: 'Trains every week on what is there',
  });
  expect(new Date(listed.next).getUTCDay()).toBe(0);
  const { policies } = await runs.client.schedule.getHandle('weekly').describe();
  expect(policies).toMatchObject({ overlap: 'SKIP', catchupWindow: 3_600_000 });

  const first = await triggeredRun(0);
  expect(stepOf(first, 'train').cache).toBe('miss: first time here');
  const second = await triggeredRun(1);
  expect(second.steps.map(({ cache }) => cache?.slice(0, 4))).toEqual(['hit:', 'hit:', 'hit:']);
  await addImages('dee', 3);
  const third = await triggeredRun(2);
  expect(stepOf(third, 'faces').cache).toBe('miss: the source changed');
  expect(stepOf(third, 'train').cache).toMatch(/^miss: input index changed/);
  expect(stepOf(third, 'train').artifact?.digest).not.toBe(stepOf(first, 'train').artifact?.digest);

  expect((await f2c(stack.env, 'schedule', 'delete', 'weekly')).stdout).toBe(
    'Deleted the schedule of weekly.\n',
  );
  expect(await f2c(stack.env, 'schedule', 'trigger', 'weekly')).toMatchObject({
    code: 1,
    stderr:
      'F2C_SCHEDULE_UNKNOWN: There is no schedule weekly. `npx f2c schedule list` shows the schedules.\n',
  });
}, 300_000);

it('refuses a file without a schedule', async () => {
  const { stderr } = await f2c(stack.env, 'schedule', 'apply', 'pipelines/quickstart.yaml');
  expect(stderr).toBe(
    'F2C_SCHEDULE_MISSING: The pipeline quickstart has no schedule (pipelines/quickstart.yaml). ' +
      'Add one: schedule: { cron: "0 3 * * 0", timezone: UTC }.\n',
  );
});

/** Triggers the schedule after `before` runs of it, and gives the state of the new run when it has ended. */
async function triggeredRun(before: number): Promise<RunState> {
  expect((await f2c(stack.env, 'schedule', 'trigger', 'weekly')).code).toBe(0);
  const id = await eventually(async () => {
    const { info } = await runs.client.schedule.getHandle('weekly').describe();
    return info.recentActions[before]?.action.workflow.workflowId;
  });
  return runs.ended(runs.client.workflow.getHandle(id));
}

async function addImages(person: string, count: number): Promise<void> {
  await mkdir(join(folder, 'faces', person), { recursive: true });
  for (let i = 0; i < count; i++) {
    const background = { r: 60 * i, g: person.charCodeAt(0), b: 120 };
    const image = sharp({ create: { width: 40, height: 40, channels: 3, background } });
    await writeFile(join(folder, 'faces', person, `${i}.png`), await image.png().toBuffer());
  }
}
