import { setTimeout as wait } from 'node:timers/promises';
import { wholePlan } from '../../activities/forecastSlices.ts';
import { findPipeline } from '../../activities/pipelines.ts';
import { contracts } from '../../activities/registry.ts';
import { type Pinned, usedPipelines } from '../../activities/usedPipelines.ts';
import { logPieces } from '../../artifacts/logs.ts';
import { outcomesOf } from '../../artifacts/outcomes.ts';
import { type ArtifactStore, openStore } from '../../artifacts/store.ts';
import { F2cError } from '../../errors/failure.ts';
import { compile } from '../../language/compile.ts';
import { isNamed, namesOf } from '../../language/plan/names.ts';
import { instancesOf } from '../../language/plan/resolve.ts';
import type { JsonObject } from '../../language/text/json.ts';
import { nearest } from '../../language/text/nearest.ts';
import { type LogLine, LogReader, lineText } from '../logs.ts';
import { news, type OutputOptions } from '../output.ts';
import { type DescribedRun, describeRun } from '../runs.ts';
import { type Session, withSession } from '../session.ts';
import { queryState } from '../state.ts';
import { passes, refuseEnded } from '../watch.ts';

interface LogsOptions extends OutputOptions {
  follow?: boolean;
}

const pollMs = 1_000;

export function logs(id: string, step: string | undefined, options: LogsOptions): Promise<void> {
  return withSession({ start: false }, async (session) => {
    const store = openStore(session.env);
    const run = await findRun(id, session, store);
    if (step !== undefined) await refuseUnknown(step, id, run, store);
    const isWanted = (instance: string) => step === undefined || isNamed(instance, step);
    const reader = new LogReader(store.bucket, { run: id, execution: run?.info.runId, isWanted });
    const printed = options.follow
      ? await follow(id, reader, session, options)
      : await printNew(reader, printer(options));
    if (printed === 0) await sayWhyNone(run, isWanted, store);
  });
}

/** A run, or undefined when Temporal has forgotten it and its log is still there. F2C_RUN_UNKNOWN. */
async function findRun(
  id: string,
  { client }: Session,
  store: ArtifactStore,
): Promise<DescribedRun | undefined> {
  try {
    return await describeRun(client, id);
  } catch (error) {
    if (!(error instanceof F2cError) || error.code !== 'F2C_RUN_UNKNOWN') throw error;
    for await (const _ of logPieces(store.bucket, id)) return undefined;
    throw error;
  }
}

async function refuseUnknown(
  step: string,
  id: string,
  run: DescribedRun | undefined,
  store: ArtifactStore,
): Promise<void> {
  const instances = new Set(await plannedInstances(run, store));
  // A run that has no plan yet, or a plan that this version cannot read, may still have the step.
  const complete = instances.size > 0 || run === undefined;
  for await (const piece of logPieces(store.bucket, id, run?.info.runId)) instances.add(piece.step);
  if (!complete || [...instances].some((instance) => isNamed(instance, step))) return;
  const steps = [...instances].map((instance) => instance.replace(/\[.*/, ''));
  const meant = nearest(step, step.includes('[') ? instances : new Set([...instances].flatMap(namesOf)));
  throw new F2cError('F2C_STEP_UNKNOWN', {
    what: `The run ${id} has no step ${step}`,
    fix: meant === undefined ? `Name one of ${[...new Set(steps)].join(', ')}` : `Did you mean "${meant}"?`,
  });
}

/** The step instances of a run. They follow from its memo and the stored file, so that no worker is asked. */
async function plannedInstances(run: DescribedRun | undefined, store: ArtifactStore): Promise<string[]> {
  const { source, params, pipelines } = (run?.info.memo ?? {}) as {
    source?: string;
    params?: JsonObject;
    pipelines?: Pinned;
  };
  if (source === undefined) return [];
  const file = await findPipeline(store, `sha256:${source}`);
  const used = await usedPipelines(store, file, pipelines);
  const compiled = compile(file, params ?? {}, contracts, used);
  if (!('plan' in compiled)) return [];
  const plan = wholePlan(compiled.plan);
  return plan.steps.flatMap((step) => instancesOf(plan, step.id)).map(({ id }) => id);
}

/** Prints what there is and what comes, until the run has ended. Gives the number of lines. */
async function follow(
  id: string,
  reader: LogReader,
  session: Session,
  options: LogsOptions,
): Promise<number> {
  const write = printer(options);
  let printed = 0;
  let answering = true;
  for (;;) {
    refuseEnded(session, id);
    try {
      const { info } = await describeRun(session.client, id);
      // Asked before it is read: what was said before the end is there then.
      printed += await printNew(reader, write);
      if (info.status.name !== 'RUNNING') return printed;
      answering = true;
    } catch (error) {
      if (!passes(error)) throw error;
      if (answering) news(`${error.message} The run goes on, and so does this.`);
      answering = false;
    }
    await wait(pollMs);
  }
}

async function printNew(reader: LogReader, write: (line: LogLine) => void): Promise<number> {
  let printed = 0;
  for await (const line of reader.next()) {
    write(line);
    printed++;
  }
  return printed;
}

/** Writes a line: for scripts as one JSON object, for people in columns that grow with what comes. */
function printer({ json }: OutputOptions): (line: LogLine) => void {
  let width = 0;
  return (line) => {
    const { time, step, attempt, level, message, fields } = line;
    width = Math.max(width, `${step}#${attempt}`.length);
    const known = { time: new Date(time).toISOString(), step, attempt, level, message };
    process.stdout.write(`${json ? JSON.stringify({ ...known, ...fields }) : lineText(line, width)}\n`);
  };
}

/** Steps of which it is told where their logs are. */
const mostTold = 20;

/** A step that was taken from the store said nothing in this run, but in the one that did it. */
async function sayWhyNone(
  run: DescribedRun | undefined,
  isWanted: (instance: string) => boolean,
  store: ArtifactStore,
): Promise<void> {
  const steps = run === undefined ? [] : (await queryState(run)).steps;
  const sliced = await Promise.all(
    steps.map(({ id, outcomes }) =>
      outcomes === undefined ? [] : outcomesOf(store, { outcomes, step: id }),
    ),
  );
  const wanted = [...steps, ...sliced.flat()].filter(({ id }) => isWanted(id));
  const hits = wanted.filter(({ cache }) => cache?.startsWith('hit'));
  const nothingRan = wanted.every(({ status, cache }) => cache?.startsWith('hit') || status === 'skipped');
  if (hits.length > 0 && nothingRan) {
    news('Nothing was run, so there is no log: the store had it all. The runs that made it have theirs:');
  } else news('There is no log yet: it begins with the first attempt of a step.');
  for (const { id, artifact } of hits.slice(0, mostTold)) {
    if (artifact === undefined) continue;
    const { madeBy } = await store.load(artifact);
    news(`${id} is from the store: npx f2c logs ${madeBy.run} '${madeBy.instance ?? id}'`);
  }
}
