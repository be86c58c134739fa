import { createLogUpdate } from 'log-update';
import type { Progress } from '../activities/step.ts';
import { endedOf } from '../language/plan/outcomes.ts';
import type { RunState, StepState } from '../workflows/runTypes.ts';
import { tallyText } from '../workflows/tallyText.ts';
import { timesOf } from '../workflows/times.ts';
import { elsewhereText, pausesOf, queueText, waysToAnswer, workerText } from '../workflows/waiting.ts';
import { duration, firstLine } from './text.ts';
import type { Snapshot } from './watch.ts';

const barWidth = 24;

/** Shows a run as it goes: bars that are redrawn on a terminal, a line for every change elsewhere. */
export interface Display {
  show(snapshot: Snapshot): void;
  end(): void;
}

export function openDisplay(stream: NodeJS.WriteStream): Display {
  return stream.isTTY ? barDisplay(stream) : lineDisplay(stream);
}

function barDisplay(stream: NodeJS.WriteStream): Display {
  const update = createLogUpdate(stream);
  return {
    show: (snapshot) => {
      const { steps } = snapshot.state;
      const width = Math.max(...steps.map(({ id }) => id.length), 0);
      const lines = steps.map((step) => {
        const bar = progressBar(step, snapshot.progress.get(step.id));
        return `${step.id.padEnd(width)}  ${bar}  ${statusText(step, snapshot)}`.trimEnd();
      });
      const turn = queueText(snapshot.state);
      if (turn !== '') lines.unshift(turn);
      update(lines.map((line) => line.slice(0, stream.columns - 1)).join('\n'));
    },
    end: () => update.done(),
  };
}

/** A line whenever a step changes or gets a tenth further: a long step leaves ten lines and not thousands. */
function lineDisplay(stream: NodeJS.WriteStream): Display {
  const shown = new Map<string, { mark: string; line: string }>();
  let turn = '';
  return {
    show: (snapshot) => {
      const before = turn;
      turn = queueText(snapshot.state);
      if (turn !== '' && turn !== before) stream.write(`${turn}\n`);
      for (const step of snapshot.state.steps) {
        if (step.status === 'waiting') continue;
        const tenth = Math.floor(doneShare(step, snapshot.progress.get(step.id)) * 10);
        const mark = [
          step.status,
          step.attempts,
          step.atQueue?.served,
          tenth,
          step.tally?.failed === 0,
        ].join();
        const line = `${step.id}  ${statusText(step, snapshot)}\n`;
        const before = shown.get(step.id);
        if (before?.mark === mark || before?.line === line) continue;
        shown.set(step.id, { mark, line });
        stream.write(line);
      }
    },
    end: () => {},
  };
}

function progressBar(step: StepState, progress: Progress | undefined): string {
  const full = Math.round(doneShare(step, progress) * barWidth);
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)}`;
}

function doneShare({ status, tally }: StepState, progress: Progress | undefined): number {
  if (status === 'done') return 1;
  if (tally !== undefined) return endedOf(tally) / tally.total;
  if (status !== 'running' || progress === undefined || progress.total === 0) return 0;
  return Math.min(progress.done / progress.total, 1);
}

function statusText(step: StepState, { run, state, progress }: Snapshot): string {
  const parts = step.status === 'running' ? runningText(step, progress) : [step.status];
  if (step.attempts > 1) parts.push(`attempt ${step.attempts}`);
  // What ends the step is told in full when the run has ended.
  if (step.error !== undefined && step.status === 'failed') parts.push(step.error.code);
  if (step.error !== undefined && (step.status === 'retrying' || step.status === 'held')) {
    parts.push(firstLine(`${step.error.code}: ${step.error.message}`));
  }
  const ways = waysToAnswer(step, run);
  if (ways !== undefined) parts.push(`answer with ${ways}`);
  if (step.status === 'queued' && step.reason !== undefined) parts.push(step.reason);
  if (step.status === 'paused') parts.push(...continuingTexts(step, state, run));
  const times = step.endedAt === undefined ? undefined : timesOf(step, step.endedAt);
  if (times !== undefined && step.status !== 'skipped') {
    parts.push(duration(times.workMs));
    if (times.waitedMs >= 1_000) parts.push(`waited ${duration(times.waitedMs)}`);
  }
  if (step.status === 'done' && step.cache !== undefined) parts.push(step.cache);
  if (step.status !== 'running' && step.tally !== undefined) parts.push(tallyText(step.tally));
  return parts.join('  ');
}

/** The pauses that keep a step from going on: that of the run, its own, or both. */
function continuingTexts({ id }: StepState, state: RunState, run: string): string[] {
  return pausesOf(state, run).flatMap(({ request: { step }, command }) =>
    step === undefined || step === id ? [`go on with \`${command}\``] : [],
  );
}

function runningText(step: StepState, progress: Snapshot['progress']): string[] {
  const { id, atQueue, waitsFor, tally } = step;
  if (tally !== undefined) return [tallyText(tally)];
  if (waitsFor !== undefined) return [elsewhereText(step)];
  if (atQueue !== undefined) return [workerText(atQueue)];
  const now = progress.get(id);
  if (now === undefined) return ['running'];
  return [`${now.done}/${now.total} ${now.unit}`, ...(now.note === undefined ? [] : [now.note])];
}
