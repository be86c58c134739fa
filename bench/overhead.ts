/**
 * What the interpreter costs: runs of steps that do next to nothing on the product's own workers, against a workflow
 * written by hand whose activities ask and fill the store alike, and against one whose activities do nothing. Each has
 * two worker processes of its own, and all have the same servers. The three take turns, forth and back; told are the
 * medians of the rounds, and of ratios the median of the rounds' own.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { newRunId } from '../cli/runs.ts';
import { stackEnv } from '../local/env.ts';
import { root } from '../local/paths.ts';
import { workerOf } from '../test/support/processes.ts';
import { eventually, Runs } from '../test/support/runs.ts';
import { startTestStack } from '../test/support/stack.ts';
import type { RunState } from '../workflows/runTypes.ts';
import type { Shape } from './support/bareWorkflows.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = Number(values.rounds);

const chain: Shape = { more: 199, wide: false };
const fanOut: Shape = { more: 50, wide: true };
const fifty: Shape = { more: 49, wide: false };
/** Meanwhile the heap of a worker takes the size that it works with. */
const firstWaitingRuns = 50;
const waitingRuns = 100;

const ways = ['runPipeline', 'bare', 'empty'] as const;
type Way = (typeof ways)[number];

function pipelineOf({ more, wide }: Shape, atTheEnd = ''): string {
  const step = (number: number | string, before?: string) =>
    `uses: tally, with: { number: ${number}, salt: "\${{ params.salt }}"${before === undefined ? '' : `, before: "\${{ steps.${before}.report }}"`} }`;
  const numbers = Array.from({ length: more }, (_, index) => index + 1);
  const others = wide
    ? `  others: { ${step('"${{ matrix.number }}"', 's0')}, matrix: { number: [${numbers}] } }`
    : numbers.map((n) => `  s${n}: { ${step(n, `s${n - 1}`)}${n === more ? atTheEnd : ''} }`).join('\n');
  return `name: overhead
summary: Steps that do next to nothing
params: { salt: { type: string } }
steps:
  s0: { ${step(0)} }
${others}
`;
}

interface Timed {
  seconds: number;
  eventsPerStep: number;
}

/** One run from its start to its end. */
async function timed(way: Way, shape: Shape, salt: string): Promise<Timed> {
  const input = await inputOf(shape, salt);
  const begin = performance.now();
  const handle = await (way === 'runPipeline'
    ? runs.startWith(input)
    : runs.client.workflow.start(way, {
        workflowId: newRunId(way),
        taskQueue: 'bare',
        args: [shape, salt],
      }));
  await handle.result();
  const seconds = (performance.now() - begin) / 1_000;
  return { seconds, eventsPerStep: (await handle.describe()).historyLength / (shape.more + 1) };
}

async function inputOf(shape: Shape, salt: string, atTheEnd = '') {
  const { digest } = await runs.store.putBlob(Buffer.from(pipelineOf(shape, atTheEnd)));
  return { pipeline: `sha256:${digest}`, params: { salt } };
}

interface Measured extends Record<Way, Timed> {
  ratio: number;
}

async function measure(name: string, shape: Shape): Promise<Measured> {
  const all: Record<Way, Timed[]> = { runPipeline: [], bare: [], empty: [] };
  for (let round = 0; round < rounds; round++) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      all[way].push(await timed(way, shape, `${name}-${round}`));
    }
  }
  const ratios = all.runPipeline.map(({ seconds }, round) => seconds / (all.bare[round]?.seconds ?? 0));
  const middle = (way: Way) => ({
    seconds: median(all[way].map(({ seconds }) => seconds)),
    eventsPerStep: median(all[way].map(({ eventsPerStep }) => eventsPerStep)),
  });
  return {
    ratio: median(ratios),
    runPipeline: middle('runPipeline'),
    bare: middle('bare'),
    empty: middle('empty'),
  };
}

/** How much the control worker grows by a run that it keeps in memory: its steps are done but one, which waits. */
async function mebibytesOfRun(): Promise<number> {
  const input = await inputOf(fifty, 'cached', ', approve: {}');
  const worker = workerOf('control');
  if (worker === undefined) throw new Error('the stack has no control worker');
  let before = 0;
  const handles: WorkflowHandle[] = [];
  for (let run = 0; run < firstWaitingRuns + waitingRuns; run++) {
    if (run === firstWaitingRuns) before = mebibytesOf(worker.pid);
    const handle = await runs.startWith(input);
    handles.push(handle);
    await eventually(async () => (await handle.query<RunState>('state')).status === 'held' || undefined);
  }
  const grown = mebibytesOf(worker.pid) - before;
  await Promise.all(handles.map((handle) => handle.terminate()));
  return grown / waitingRuns;
}

/** Memory of a process that is in use. */
function mebibytesOf(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) / 1_024;
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[(sorted.length - 1) >> 1],
    sorted[sorted.length >> 1],
  ];
  return (low + high) / 2;
}

function row(...cells: string[]): string {
  return cells.map((cell, at) => (at < 2 ? cell.padEnd(13) : cell.padStart(15))).join('');
}

function rowsOf(name: string, { more }: Shape, measured: Measured): string[] {
  return ways.map((way) => {
    const { seconds, eventsPerStep } = measured[way];
    const milliseconds = (1_000 * seconds) / (more + 1);
    return row(
      name,
      way,
      String(more + 1),
      seconds.toFixed(2),
      milliseconds.toFixed(1),
      eventsPerStep.toFixed(1),
    );
  });
}

async function startBareWorker(queue: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./support/bareWorker.ts', import.meta.url));
  const worker = fork(script, [queue], {
    execArgv: ['--import', 'tsx'],
    env: stackEnv(process.env, stack.env),
    silent: true,
  });
  await once(worker, 'message');
  return worker;
}

process.env.F2C_STEPS = join(root, 'test', 'steps');
const stack = await startTestStack({ workers: true });
const runs = await Runs.open(stack);
const bareWorkers = [await startBareWorker('bare'), await startBareWorker('bareData')];
try {
  for (const way of ways) await timed(way, { more: 20, wide: false }, 'warm-up');
  const chained = await measure('chain', chain);
  const wide = await measure('fan-out', fanOut);
  const cached: number[] = [];
  for (let round = 0; round <= rounds; round++)
    cached.push((await timed('runPipeline', fifty, 'cached')).seconds);
  const cachedRunSeconds = median(cached.slice(1));
  const runMiB = await mebibytesOfRun();

  console.log(
    [
      row('shape', 'workflow', 'steps', 'seconds', 'ms a step', 'events a step'),
      ...rowsOf('chain', chain, chained),
      ...rowsOf('fan-out', fanOut, wide),
      '',
      `a run of 50 steps that are all in the store   ${cachedRunSeconds.toFixed(2)} s`,
      `memory of a run of 50 steps that waits        ${runMiB.toFixed(2)} MiB`,
      '',
    ].join('\n'),
  );
  const rounded = (all: Record<string, number>) =>
    Object.fromEntries(Object.entries(all).map(([name, value]) => [name, Math.round(value * 1_000) / 1_000]));
  const perStep = ({ seconds }: Timed) => (1_000 * seconds) / (chain.more + 1);
  console.log(
    JSON.stringify({
      bench: 'overhead',
      machine: { cores: availableParallelism(), processor: process.arch, node: process.version },
      ratios: rounded({ chainOverBare: chained.ratio, fanOutOverBare: wide.ratio }),
      figures: rounded({
        msPerStep: perStep(chained.runPipeline),
        bareMsPerStep: perStep(chained.bare),
        emptyMsPerStep: perStep(chained.empty),
        cachedRunSeconds,
        eventsPerStep: chained.runPipeline.eventsPerStep,
        runMiB,
      }),
    }),
  );
} finally {
  for (const worker of bareWorkers) worker.disconnect();
  await Promise.all(bareWorkers.map((worker) => once(worker, 'exit')));
  await runs.close();
  await stack.stop();
}
