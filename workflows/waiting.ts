import type { AtQueue, Pause, RunState, StepState } from './runTypes.ts';

/** Whether a step waits for a person. */
export function waits({ status }: StepState): boolean {
  return status === 'held' || status === 'awaiting approval';
}

/** How a person answers a step that waits, as the end of a sentence; undefined if it does not wait. */
export function waysToAnswer(step: StepState, run: string): string | undefined {
  if (!waits(step)) return undefined;
  const { id, status, deadline } = step;
  const place = placeOf(run, id);
  if (status === 'awaiting approval') {
    const end = deadline === undefined ? '' : `; at ${minuteOf(deadline.at)}: ${deadline.action}`;
    return `\`npx f2c approve ${place}\` or \`npx f2c reject ${place}\`${end}`;
  }
  return (
    `\`npx f2c retry ${place}\` (\`--with name=value\` changes a param), \`npx f2c skip ${place}\` or ` +
    `\`npx f2c fail ${place}\``
  );
}

/** A pause that is on, in words. */
export interface ToldPause {
  /** `The run`, or the id of a step instance. */
  what: string;
  /** ` is paused since 2026-04-01 03:00 UTC by ann: the GPU is needed`. */
  told: string;
  command: string;
  /** The argument of the update `continue`. */
  request: { step?: string };
}

export function pausesOf(run: RunState, id: string): ToldPause[] {
  const whole = run.paused && {
    what: 'The run',
    told: tellPause(run.paused),
    command: `npx f2c continue ${id}`,
    request: {},
  };
  const steps = run.steps.flatMap(({ id: step, paused }) =>
    paused === undefined
      ? []
      : [
          {
            what: step,
            told: tellPause(paused),
            command: `npx f2c continue ${placeOf(id, step)}`,
            request: { step },
          },
        ],
  );
  return [...(whole ? [whole] : []), ...steps];
}

/** What a step waits for that another run is making; empty if none is. */
export function elsewhereText({ waitsFor }: StepState): string {
  return waitsFor === undefined ? '' : `waits for ${waitsFor}, which makes the same`;
}

/** What a run waits for that has not had its turn; empty if it has. */
export function queueText({ waitsFor = [] }: RunState): string {
  const [first] = waitsFor;
  if (first === undefined) return '';
  const others = waitsFor.length === 1 ? '' : ` and ${waitsFor.length - 1} more`;
  return `waits for its turn, behind ${first}${others}`;
}

function tellPause({ at, who, note }: Pause): string {
  const by = who === undefined ? '' : ` by ${who}`;
  return ` is paused since ${minuteOf(at)}${by}${note === undefined ? '' : `: ${note}`}`;
}

/** What a step waits for that no worker has taken yet, and what to do about it. */
export function workerText({ queue, role, since, served }: AtQueue): string {
  if (served) return `waits for a free worker since ${minuteOf(since)}`;
  const options = role === queue ? `--role ${role}` : `--role ${role} --queue ${queue}`;
  return (
    `waits: no worker polls the queue ${queue} since ${minuteOf(since)}; ` +
    `start one: \`node --import tsx workers/main.ts ${options}\``
  );
}

function placeOf(run: string, step: string): string {
  return /^[\w-]+$/.test(step) ? `${run} ${step}` : `${run} '${step}'`;
}

export function minuteOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
