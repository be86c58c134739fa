import { CancellationScope, condition, defineSignal, isCancellation } from '@temporalio/workflow';
import { stepIdOf } from '../language/plan/resolve.ts';
import { Interrupted } from './attempts.ts';
import type { Pause, RunState, StepState } from './runTypes.ts';
import { become } from './times.ts';

/** What is paused of a run, for those who run a part of it. */
export interface Paused {
  run?: Pause;
  /** By step id. */
  steps: Record<string, Pause>;
}

export const pausedSignal = defineSignal<[Paused]>('paused');

/**
 * Pauses of a run and of its steps, two switches that do not know of each other. While one is on, no attempt of
 * a step begins; one that can be gone on with is stopped, any other is finished, since its work would be lost.
 */
export class Pauses {
  readonly #run: RunState;
  readonly #changed: () => void;
  /** Stops the attempts that can be gone on with, by step instance. */
  readonly #stops = new Map<string, () => void>();
  #listener = () => {};

  constructor(run: RunState, changed: () => void) {
    this.#run = run;
    this.#changed = changed;
  }

  /** Has somebody called whenever something is paused or goes on. */
  listen(listener: () => void): void {
    this.#listener = listener;
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
      throw stopped && isCancellation(error) ? new Interrupted('a pause', { cause: error }) : error;
    } finally {
      this.#stops.delete(state.id);
    }
  }

  /** Pauses the run or one of its steps; says of each instance that is at work what it does now. */
  pause(target: RunState | StepState, pause: Pause): string[] {
    target.paused = pause;
    const steps = this.#run.steps.filter((step) => target === this.#run || target === step);
    const notes = steps.flatMap((step) => this.#stop(step));
    this.#listener();
    this.#changed();
    return notes;
  }

  end(target: RunState | StepState): void {
    delete target.paused;
    this.#listener();
    this.#changed();
  }

  /** Does as those say who run the whole. */
  follow({ run: whole, steps }: Paused): void {
    const run = this.#run;
    if (whole === undefined) delete run.paused;
    else run.paused = whole;
    for (const step of run.steps) {
      const pause = steps[stepIdOf(step.id)];
      if (pause === undefined) delete step.paused;
      else if (step.endedAt === undefined) step.paused = pause;
      if (this.concern(step)) this.#stop(step);
    }
    this.#changed();
  }

  /** What those are to be told who run a part of it. */
  told(): Paused {
    const { paused, steps } = this.#run;
    const told = steps.flatMap((step) =>
      step.paused === undefined ? [] : [[step.id, step.paused] as const],
    );
    return { ...(paused && { run: paused }), steps: Object.fromEntries(told) };
  }

  #stop({ id, status }: StepState): string[] {
    const stop = this.#stops.get(id);
    stop?.();
    if (stop !== undefined) return [`${id} is stopped and will go on where it was`];
    return status === 'running' ? [`${id} first finishes what it is doing`] : [];
  }
}
