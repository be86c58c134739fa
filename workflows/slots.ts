import { condition } from '@temporalio/workflow';
import type { Pauses } from './pauses.ts';
import type { StepState } from './runTypes.ts';
import { become } from './times.ts';

/** The instances of a step that are at work, and those behind them in the order in which they came. */
interface Line {
  free: number;
  waiting: Set<Ticket>;
}

interface Ticket {
  called: boolean;
}

/**
 * Lets no more instances of a step be at work than its `concurrency` says. Who is paused leaves the line, and goes to
 * its end afterwards.
 */
export class Slots {
  readonly #lines = new Map<string, Line>();
  readonly #pauses: Pauses;
  readonly #changed: () => void;

  constructor(pauses: Pauses, changed: () => void) {
    this.#pauses = pauses;
    this.#changed = changed;
  }

  /** Does the work of an instance when it is its turn; `waited` says that this was not at once. */
  async during<T>(
    step: string,
    concurrency: number,
    state: StepState,
    work: (waited: boolean) => Promise<T>,
  ): Promise<T> {
    const line = this.#lines.get(step) ?? { free: concurrency, waiting: new Set() };
    this.#lines.set(step, line);
    const waited = line.free === 0;
    const reason = `waits for its turn: ${concurrency} of ${step} at a time`;
    while (!(await this.#turn(line, state, reason))) await this.#pauses.ended(state);
    try {
      return await work(waited);
    } finally {
      this.#leave(line);
    }
  }

  /** False where a pause came first. */
  async #turn(line: Line, state: StepState, reason: string): Promise<boolean> {
    if (this.#pauses.concern(state)) return false;
    if (line.free > 0) {
      line.free--;
      return true;
    }
    const ticket = { called: false };
    line.waiting.add(ticket);
    become(state, 'queued');
    state.reason = reason;
    this.#changed();
    let isTurn = false;
    try {
      await condition(() => ticket.called || this.#pauses.concern(state));
      isTurn = ticket.called && !this.#pauses.concern(state);
      return isTurn;
    } finally {
      delete state.reason;
      if (!isTurn && ticket.called) this.#leave(line);
      line.waiting.delete(ticket);
    }
  }

  /** The place goes to the next in line, if there is one. */
  #leave(line: Line): void {
    const [next] = line.waiting;
    if (next === undefined) {
      line.free++;
      return;
    }
    line.waiting.delete(next);
    next.called = true;
  }
}
