import { rounded } from '../artifacts/rounded.ts';
import { failureText } from './failureText.ts';
import type { RunState, StepState } from './runTypes.ts';
import { failuresIn, tallyText } from './tallyText.ts';
import { elsewhereText, pausesOf, queueText, type ToldPause, waysToAnswer, workerText } from './waiting.ts';

const marks: Record<StepState['status'], string> = {
  waiting: '·',
  queued: '…',
  running: '▶',
  retrying: '↻',
  pausing: '⏸',
  paused: '⏸',
  held: '‖',
  'awaiting approval': '?',
  done: '✔',
  failed: '✘',
  skipped: '–',
  cancelled: '■',
};

/** The state of a run as Markdown: what Temporal's own UI shows while it runs and afterwards. */
export function runDetails(run: RunState, id: string): string {
  const rows = run.steps.map(
    (step) => `| ${marks[step.status]} | ${cell(step.id)} | ${step.status} | ${about(step)} |`,
  );
  return [
    `**${run.pipeline}**: ${run.summary}`,
    '',
    ['Status: **', run.status, '**', ...statusNotes(run).map((note) => ` · ${note}`)].join(''),
    '',
    '| | Step | Status | |',
    '| --- | --- | --- | --- |',
    ...rows,
    ...pausesOf(run, id).flatMap(pauseText),
    ...run.steps.flatMap((step) => waitingText(step, id)),
  ].join('\n');
}

function pauseText({ what, told, command, request }: ToldPause): string[] {
  return [
    '',
    `**${cell(what)}**${cell(told)}`,
    '',
    `Go on with \`${command}\`; or send the update \`continue\` with \`${JSON.stringify(request)}\`.`,
  ];
}

/** What to do about a step that waits. */
function waitingText(step: StepState, run: string): string[] {
  const ways = waysToAnswer(step, run);
  if (ways === undefined) return [];
  const { id, error, status } = step;
  const [what, answer] =
    status === 'held'
      ? [`is held: ${error?.code}: ${cell(error?.message ?? '')}`, { step: id, action: 'retry', with: {} }]
      : ['waits for approval', { step: id, action: 'approve', who: '', note: '' }];
  return [
    '',
    `**${id}** ${what}`,
    '',
    `${status === 'held' ? 'Mend the cause and answer' : 'Answer'} with ${ways}; or send the update \`answer\` ` +
      `with \`${JSON.stringify(answer)}\`.`,
  ];
}

function statusNotes(run: RunState): string[] {
  const { error, ending, steps } = run;
  const missed = steps.filter(({ status, tolerated }) => status === 'failed' && tolerated);
  const turn = queueText(run);
  return [
    ...(turn === '' ? [] : [turn]),
    ...(ending === undefined ? [] : [`ends as ${ending}`]),
    ...(error === undefined ? [] : [`${error.code}: ${cell(error.message)}`]),
    ...(missed.length === 0 ? [] : [`without ${missed.map(({ id }) => cell(id)).join(', ')}, which failed`]),
  ];
}

function about(step: StepState): string {
  const parts = [];
  if (step.atQueue !== undefined) parts.push(workerText(step.atQueue));
  const failure = failureText(step);
  if (failure !== '') parts.push(failure);
  if (step.reason !== undefined) parts.push(step.reason);
  if (step.tally !== undefined) parts.push(tallyText(step.tally), ...failuresIn(step));
  if (step.waitsFor !== undefined) parts.push(elsewhereText(step));
  if (step.status === 'failed' && step.tolerated) parts.push('the run goes on without it');
  for (const { action, who, changes = [] } of step.answers ?? []) {
    parts.push([who === undefined ? action : `${action} by ${who}`, ...changes].join(', '));
  }
  if (step.attempts > 1) parts.push(`attempt ${step.attempts}`);
  if (step.cache !== undefined) parts.push(step.cache);
  for (const [name, value] of Object.entries(step.metrics ?? {})) parts.push(`${name} ${rounded(value)}`);
  return cell(parts.join(' · '));
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
