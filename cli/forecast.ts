import type { StepForecast } from '../activities/forecast.ts';
import { type InstanceForecasts, secondsOf } from '../activities/forecastSlices.ts';
import { columns, counted, duration } from './text.ts';

/** What a run would do, in numbers. Seconds are those of steps one after the other. */
interface ForecastTotals extends InstanceForecasts {
  /** Of all of these, those that a person has to approve first. */
  approve: number;
}

export function forecastTotals(steps: StepForecast[]): ForecastTotals {
  const parts = steps.map(partOf);
  const sum = (key: 'reuse' | 'run' | 'open' | 'skip' | 'fail') =>
    parts.reduce((total, part) => total + part[key], 0);
  const seconds = (key: 'runSeconds' | 'openSeconds') =>
    parts.reduce<number | null>((total, part) => {
      const more = part[key];
      return total === null || more === null ? null : total + more;
    }, 0);
  return {
    reuse: sum('reuse'),
    run: sum('run'),
    open: sum('open'),
    skip: sum('skip'),
    fail: sum('fail'),
    approve: steps.filter(({ approve }) => approve).length,
    runSeconds: seconds('runSeconds'),
    openSeconds: seconds('openSeconds'),
  };
}

function partOf(step: StepForecast): InstanceForecasts {
  if (step.instances !== undefined) return step.instances;
  const none = { reuse: 0, run: 0, open: 0, skip: 0, fail: 0, runSeconds: 0, openSeconds: 0 };
  const { expect } = step;
  const seconds = secondsOf([step]);
  return {
    ...none,
    [expect]: 1,
    ...(expect === 'run' && { runSeconds: seconds }),
    ...(expect === 'open' && { openSeconds: seconds }),
  };
}

/** One row a step instance: what is expected of it, how long it may take, and why. */
export function forecastTable(steps: StepForecast[]): string {
  const rows = steps.map((step) => [step.id, step.expect, timeText(step), whyText(step)]);
  return columns([['Step', 'Expected', 'Time', 'Why'], ...rows]);
}

function timeText({ expect, estimate, instances }: StepForecast): string {
  if (instances !== undefined) return secondsText(instances);
  if (expect !== 'run' && expect !== 'open') return '';
  if (estimate === undefined) return 'unknown';
  const time = `about ${duration(estimate.seconds * 1_000)}`;
  return estimate.from === 'kind' ? `${time}, as others of its kind` : time;
}

function secondsText({ run, open, runSeconds, openSeconds }: InstanceForecasts): string {
  if (run + open === 0) return '';
  const seconds = runSeconds === null || openSeconds === null ? null : runSeconds + openSeconds;
  return seconds === null ? 'unknown' : `about ${duration(seconds * 1_000)} one after the other`;
}

function whyText({ reason, training, approve, instances }: StepForecast): string {
  if (instances !== undefined) return `${instancesText(instances)}; ${reason}`;
  const waits = approve ? 'waits for approval; ' : '';
  const goesOn = training === undefined ? '' : `; goes on at training step ${training.step}`;
  return `${waits}${reason}${goesOn}`;
}

/** "10000 instances: 9990 reused, 10 to run". */
function instancesText({ reuse, run, open, skip, fail }: InstanceForecasts): string {
  const parts = [
    [reuse, 'reused'],
    [run, 'to run'],
    [open, 'open'],
    [skip, 'skipped'],
    [fail, 'to fail'],
  ] as const;
  const told = parts.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
  return `${reuse + run + open + skip + fail} instances: ${told.join(', ')}`;
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
