import type { StepForecast } from '../activities/forecast.ts';
import { columns, counted, duration } from './text.ts';

/** What a run would do, in numbers. Seconds are those of steps one after the other. */
interface ForecastTotals {
  reuse: number;
  run: number;
  open: number;
  skip: number;
  fail: number;
  /** Of all of these, those that a person has to approve first. */
  approve: number;
  /** Of the steps that run; null where nothing is known of one of them. */
  runSeconds: number | null;
  /** What the open ones add if all of them run; null as above. */
  openSeconds: number | null;
}

export function forecastTotals(steps: StepForecast[]): ForecastTotals {
  const those = (expect: StepForecast['expect']) => steps.filter((step) => step.expect === expect);
  const [reuse, run, open] = [those('reuse'), those('run'), those('open')];
  return {
    reuse: reuse.length,
    run: run.length,
    open: open.length,
    skip: those('skip').length,
    fail: those('fail').length,
    approve: steps.filter(({ approve }) => approve).length,
    runSeconds: secondsOf(run),
    openSeconds: secondsOf(open),
  };
}

function secondsOf(steps: StepForecast[]): number | null {
  let sum = 0;
  for (const { estimate } of steps) {
    if (estimate === undefined) return null;
    sum += estimate.seconds;
  }
  return sum;
}

/** One row a step instance: what is expected of it, how long it may take, and why. */
export function forecastTable(steps: StepForecast[]): string {
  const rows = steps.map((step) => [step.id, step.expect, timeText(step), whyText(step)]);
  return columns([['Step', 'Expected', 'Time', 'Why'], ...rows]);
}

function timeText({ expect, estimate }: StepForecast): string {
  if (expect !== 'run' && expect !== 'open') return '';
  if (estimate === undefined) return 'unknown';
  const time = `about ${duration(estimate.seconds * 1_000)}`;
  return estimate.from === 'kind' ? `${time}, as others of its kind` : time;
}

function whyText({ reason, training, approve }: StepForecast): string {
  const waits = approve ? 'waits for approval; ' : '';
  const goesOn = training === undefined ? '' : `; goes on at training step ${training.step}`;
  return `${waits}${reason}${goesOn}`;
}

/** Of every training that goes on: "train goes on at training step 286 of 500: 214 to go, about 41 s; saves 3 h 12 min". */
export function trainingTexts(steps: StepForecast[]): string[] {
  return steps.flatMap(({ id, training, estimate }) => {
    if (training === undefined) return [];
    const { step, steps: all, seconds } = training;
    const time = estimate?.from === 'training' ? `, about ${duration(estimate.seconds * 1_000)}` : '';
    const left = all === undefined ? '' : ` of ${all}: ${all - step} to go${time}`;
    return [`${id} goes on at training step ${step}${left}; saves ${duration(seconds * 1_000)}`];
  });
}

/** "1 step reused, 1 to run (about 1.2 s), 11 open until those they depend on are done (about 4 min 10 s if all run)." */
export function totalsText(totals: ForecastTotals): string {
  const { reuse, run, open, skip, fail, approve, runSeconds, openSeconds } = totals;
  const time = (seconds: number | null, more = '') =>
    seconds === null ? ' (time unknown)' : ` (about ${duration(seconds * 1_000)}${more})`;
  const parts = [
    `${counted(reuse, 'step')} reused`,
    `${run} to run${run === 0 ? '' : time(runSeconds)}`,
    ...(open === 0
      ? []
      : [`${open} open until those they depend on are done${time(openSeconds, ' if all run')}`]),
    ...(skip === 0 ? [] : [`${skip} skipped`]),
    ...(fail === 0 ? [] : [`${fail} to fail`]),
  ];
  const waiting = approve === 0 ? '' : ` ${counted(approve, 'step')} to be approved by a person.`;
  return `${parts.join(', ')}.${waiting}`;
}
