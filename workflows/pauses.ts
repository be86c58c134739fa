import { CancellationScope, condition, defineUpdate, isCancellation, setHandler } from '@temporalio/workflow';
import { Interrupted } from './attempts.ts';
import type { Pause, RunState, StepState } from './runTypes.ts';
import { become } from './times.ts';
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

/**
 * Pauses of a run and of its steps, two switches that do not know of each other. While one is on, no attempt of
 * a step begins; one that can be gone on with is stopped, any other is finished, since its work would be lost.
 */
export class Pauses {
  readonly #run: RunState;
  readonly #changed: () => void;
  /** Stops the attempts that can be gone on with, by step instance. */
  readonly #stops = new Map<string, () => void>();

  constructor(run: RunState, changed: () => void) {
    this.#run = run;
    this.#changed = changed;
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

  /** Whether a step may not begin. To be asked before `ended`: runs that nobody pauses must wait for nothing. */
  concern({ paused }: StepState): boolean {
    return paused !== undefined || this.#run.paused !== undefined;
  }

  async ended(state: StepState): Promise<void> {
    become(state, 'paused');
    this.#changed();
    while (this.concern(state)) await condition(() => !this.concern(state));
  }

  /** Does work that can be gone on with; Interrupted when a pause has stopped it. */
  async stoppable<T>(state: StepState, work: () => Promise<T>): Promise<T> {
    const scope = new CancellationScope();
    let stopped = false;
    this.#stops.set(state.id, () => {
      stopped = true;
      become(state, 'pausing');
      scope.cancel();
    });
    try {
      return await scope.run(work);
    } catch (error) {
      throw stopped && isCancellation(error) ? new Interrupted() : error;
    } finally {
      this.#stops.delete(state.id);
    }
  }

  #pause(request: Requested): string {
    const target = this.#toPause(request);
    target.paused = { at: Date.now(), ...textsOf(request ?? {}) };
    give(target, { action: 'pause', ...target.paused });
    const steps = this.#run.steps.filter((step) => target === this.#run || target === step);
    const notes = steps.flatMap(({ id, status }) => {
      const stop = this.#stops.get(id);
      stop?.();
      if (stop !== undefined) return [`${id} is stopped and will go on where it was`];
      return status === 'running' ? [`${id} first finishes what it is doing`] : [];
    });
    this.#changed();
    return [`${request?.step ?? 'the run'}: paused`, ...notes].join('; ');
  }

  #continue(request: Requested): string {
    const target = this.#toContinue(request);
    delete target.paused;
    give(target, { action: 'continue', at: Date.now(), ...textsOf(request ?? {}) });
    this.#changed();
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
