import { defineUpdate, setHandler } from '@temporalio/workflow';
import { stepIdOf } from '../language/plan/resolve.ts';
import type { Pauses } from './pauses.ts';
import type { Pause, RunState, StepState } from './runTypes.ts';
import { faultOfTexts, give, isMap, refusal, textsOf } from './updates.ts';
import { minuteOf } from './waiting.ts';

/** What is to be paused or to go on: the argument of the updates `pause` and `continue`. */
export interface PauseRequest {
  /** Id of a step instance: `train[head=dcp]`. Left out: the whole run. */
  step?: string;
  who?: string;
  note?: string;
}

/** Temporal's UI sends nothing or null for an input that was left empty. */
type Requested = PauseRequest | null | undefined;

const pauseUpdate = defineUpdate<string, [Requested]>('pause');
const continueUpdate = defineUpdate<string, [Requested]>('continue');

const keys = ['step', 'who', 'note'];

/** What people ask of the pauses of a run. */
export class PauseRequests {
  readonly #run: RunState;
  readonly #pauses: Pauses;

  constructor(run: RunState, pauses: Pauses) {
    this.#run = run;
    this.#pauses = pauses;
    setHandler(pauseUpdate, (request) => this.#pause(request), {
      validator: (request) => {
        this.#toPause(request);
      },
      description: 'Pauses the run, or one step: {"step": "train"}',
    });
    setHandler(continueUpdate, (request) => this.#continue(request), {
      validator: (request) => {
        this.#toContinue(request);
      },
      description: 'Goes on with the run, or with one step: {"step": "train"}',
    });
  }

  #pause(request: Requested): string {
    const target = this.#toPause(request);
    const pause = { at: Date.now(), ...textsOf(request ?? {}) };
    give(target, { action: 'pause', ...pause });
    const notes = this.#pauses.pause(target, pause);
    return [`${request?.step ?? 'the run'}: paused`, ...notes].join('; ');
  }

  #continue(request: Requested): string {
    const target = this.#toContinue(request);
    give(target, { action: 'continue', at: Date.now(), ...textsOf(request ?? {}) });
    this.#pauses.end(target);
    return `${request?.step ?? 'the run'}: continued`;
  }

  #toPause(request: unknown): RunState | StepState {
    const target = this.#target(request, 'pause');
    const name = target === this.#run ? 'The run' : (request as PauseRequest).step;
    if (target.endedAt !== undefined)
      throw refusal('F2C_NOTHING_TO_PAUSE', `${name} is ${target.status}, so there is nothing to pause.`);
    if (target.paused !== undefined)
      throw refusal('F2C_PAUSED_ALREADY', `${name} is paused already, since ${since(target.paused)}.`);
    return target;
  }

  #toContinue(request: unknown): RunState | StepState {
    const target = this.#target(request, 'continue');
    if (target.paused !== undefined) return target;
    const name = target === this.#run ? 'The run as a whole' : (request as PauseRequest).step;
    throw refusal('F2C_NOT_PAUSED', `${name} is not paused.${pausedText(this.#run)}`);
  }

  /** What a request is for; anybody may have written it. */
  #target(request: unknown, update: 'pause' | 'continue'): RunState | StepState {
    const given = request ?? {};
    const { step } = isMap(given) ? given : {};
    if (!isMap(given) || !Object.keys(given).every((key) => keys.includes(key)) || !isName(step)) {
      throw refusal(
        'F2C_PAUSE_INVALID',
        `${JSON.stringify(request)} says not what to ${update}. Write {"step": "train", "who": "", "note": ""}; ` +
          'all may be left out, and without `step` it is the whole run.',
      );
    }
    const fault = faultOfTexts(given);
    if (fault !== undefined) throw refusal('F2C_PAUSE_INVALID', fault);
    return step === undefined ? this.#run : this.#step(step);
  }

  #step(step: string): StepState {
    const { steps, status } = this.#run;
    const state = steps.find(({ id }) => id === step);
    if (state !== undefined) return state;
    const sliced = steps.find(({ id, tally }) => tally !== undefined && id === stepIdOf(step));
    if (sliced !== undefined) {
      const what = `${step} cannot be paused by itself, since ${sliced.id} has too many instances.`;
      throw refusal('F2C_STEP_UNKNOWN', `${what} Name ${sliced.id}.`);
    }
    const ids = steps.map(({ id }) => id).join(', ');
    const known = status === 'compiling' ? 'It is being compiled; ask again.' : `Its steps: ${ids}.`;
    throw refusal('F2C_STEP_UNKNOWN', `The run has no step ${step}. ${known}`);
  }
}

function isName(step: unknown): step is string | undefined {
  return step === undefined || (typeof step === 'string' && step !== '');
}

function since({ at, who }: Pause): string {
  return who === undefined ? minuteOf(at) : `${minuteOf(at)}, by ${who}`;
}

/** What is paused, for those who named something else; empty if nothing is. */
function pausedText(run: RunState): string {
  const steps = run.steps.filter(({ paused }) => paused !== undefined).map(({ id }) => id);
  const paused = [...(run.paused === undefined ? [] : ['the run as a whole']), ...steps];
  return paused.length === 0 ? '' : ` Paused: ${paused.join(', ')}.`;
}
