import {
  ApplicationFailure,
  ChildWorkflowCancellationType,
  ChildWorkflowFailure,
  type ChildWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { RunId } from '../activities/tasks.ts';
import type { BlobRef } from '../artifacts/manifest.ts';
import { countOf } from '../language/plan/coordinates.ts';
import { type Unit, unitsOf, windowOf } from '../language/plan/fanOut.ts';
import { obstacleOf } from '../language/plan/obstacle.ts';
import { emptyTally, type Known, type Tally } from '../language/plan/outcomes.ts';
import type { Plan, PlanStep } from '../language/plan/plan.ts';
import { type Instance, type Need, needsOf, stepIdOf } from '../language/plan/resolve.ts';
import { type Shortage, shortageOf, shortageText } from '../language/plan/shortage.ts';
import { untilDone } from './attempts.ts';
import { keepOutcomes, patient } from './control.ts';
import { type Paused, pausedSignal } from './pauses.ts';
import type { FanOutDone, FanOutInput, runFanOut } from './runFanOut.ts';
import type { StepState } from './runTypes.ts';
import { fanOutSignal } from './sliceProgress.ts';
import { become } from './times.ts';

interface Surroundings {
  plan: Plan;
  run: RunId;
  instances: readonly Instance[];
  states: Map<string, StepState>;
  shortageAt: (step: string) => Shortage | undefined;
  paused: () => Paused;
  changed: () => void;
}

/** The steps of a run that are run by slices, and the workflows that do it. */
export class FanOuts {
  readonly #around: Surroundings;
  readonly #units: Unit[];
  readonly #begun = new Map<Unit, Promise<void>>();
  readonly #handles = new Set<ChildWorkflowHandle<typeof runFanOut>>();
  #told = '';

  constructor(around: Surroundings) {
    this.#around = around;
    this.#units = unitsOf(around.instances.map(({ step }) => step));
    if (this.#units.length === 0) return;
    setHandler(fanOutSignal, ({ tallies }) => {
      for (const [step, tally] of Object.entries(tallies)) {
        const state = around.states.get(step);
        if (state !== undefined && state.endedAt === undefined) state.tally = tally;
      }
      around.changed();
    });
  }

  /** Tells the slices what is paused, if that has changed. */
  tellPaused(): void {
    const paused = this.#around.paused();
    const told = JSON.stringify(paused);
    if (told === this.#told || this.#handles.size === 0) return;
    this.#told = told;
    for (const handle of this.#handles) handle.signal(pausedSignal, paused).catch(() => {});
    for (const { id, tally, startedAt, endedAt } of this.#around.states.values()) {
      const state = this.#around.states.get(id);
      if (state === undefined || tally === undefined || startedAt === undefined || endedAt !== undefined)
        continue;
      become(state, this.#isPaused(id) ? 'paused' : 'running');
    }
  }

  #isPaused(step: string): boolean {
    const { run, steps } = this.#around.paused();
    return run !== undefined || steps[step] !== undefined;
  }

  /** Runs a step together with the others of its unit; each of them is asked for, and gets the same promise. */
  runSliced(instance: Instance, settled: (ids: string[]) => Promise<unknown>): Promise<void> {
    const unit = this.#units.find(({ steps }) => steps.includes(instance.step));
    if (unit === undefined) throw new Error(`${instance.id} is in no unit`);
    const begun = this.#begun.get(unit) ?? this.#runUnit(unit, settled);
    this.#begun.set(unit, begun);
    return begun;
  }

  async #runUnit(unit: Unit, settled: (ids: string[]) => Promise<unknown>): Promise<void> {
    const { states, changed } = this.#around;
    // Its steps stand before some of what they need; once this goes on, all of the run has begun.
    await Promise.resolve();
    const needs = this.#neededBy(unit);
    await settled(needs);
    const left = unit.steps.filter((step) => !this.#skips(step));
    changed();
    if (left.length === 0) return;
    const begun = left.map(({ id }) => states.get(id) as StepState);
    for (const state of begun) {
      become(state, this.#isPaused(state.id) ? 'paused' : 'running');
      state.startedAt = Date.now();
    }
    changed();
    try {
      const { outcomes, tallies } = await this.#perform(unit, left, needs);
      for (const step of left) this.#end(step, tallies[step.id] ?? emptyTally(countOf(step)), outcomes);
    } catch (error) {
      const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
      for (const state of begun) {
        state.status = isCancellation(error) ? 'cancelled' : 'failed';
        if (cause instanceof ApplicationFailure)
          state.error = { code: cause.type ?? '', message: cause.message };
        state.endedAt = Date.now();
      }
      if (isCancellation(error) || !(cause instanceof ApplicationFailure)) throw error;
    } finally {
      for (const state of begun) delete state.paused;
      changed();
    }
  }

  /** Ids of the instances of others that the steps of a unit need. */
  #neededBy({ steps }: Unit): string[] {
    const ids = new Set(steps.flatMap((step) => this.#needsOfStep(step)).flatMap((need) => need.ids));
    for (const { id } of steps) ids.delete(id);
    return [...ids];
  }

  #needsOfStep(step: PlanStep): Need[] {
    return needsOf(this.#around.plan, { id: step.id, step, coordinates: {}, row: [] });
  }

  /** Whether no instance of the step can run, since something is missing that all of them need. */
  #skips(step: PlanStep): boolean {
    const { states, shortageAt } = this.#around;
    const isGone = (id: string) => {
      const { tally, outcomes, endedAt } = states.get(id) ?? {};
      return tally !== undefined && outcomes === undefined && endedAt !== undefined;
    };
    const needs = this.#needsOfStep(step).filter(({ whole, ids }) => whole || ids.some(isGone));
    const obstacle = obstacleOf(needs, states, shortageAt);
    const state = states.get(step.id);
    if (obstacle === undefined || state === undefined) return false;
    const total = countOf(step);
    const { tolerated, reason } = obstacle;
    state.tally = { ...emptyTally(total), skipped: total, [tolerated ? 'unwanted' : 'fatal']: total };
    state.status = 'skipped';
    state.reason = reason;
    if (tolerated) state.tolerated = true;
    state.endedAt = Date.now();
    return true;
  }

  async #perform(unit: Unit, steps: readonly PlanStep[], needs: readonly string[]): Promise<FanOutDone> {
    const { plan, run, states, paused } = this.#around;
    if (plan.stored === undefined) throw new Error('the plan was not stored');
    const { id, fanOut } = unit;
    const isOfFamily = (needed: string) => this.#stepOf(needed)?.fanOut?.family === fanOut.family;
    const known = needs.flatMap((needed) => (isOfFamily(needed) ? [] : this.#knownOf(needed)));
    const outside = await untilDone(
      `${id}: what it needs`,
      patient,
      () => keepOutcomes(`${id}: what it needs`, known),
      () => {},
    );
    const before = needs.filter(isOfFamily).flatMap((needed) => states.get(needed)?.outcomes ?? []);
    const input: FanOutInput = {
      run: { ...run, logs: run.logs ?? workflowInfo().runId },
      plan: plan.stored,
      steps: steps.map((step) => step.id),
      outside,
      before: [...new Map(before.map((blob) => [blob.digest, blob])).values()],
      paused: paused(),
      unit: id,
      slices: fanOut.slices,
      totals: Object.fromEntries(steps.map((step) => [step.id, countOf(step)])),
      window: windowOf(steps),
      done: [],
      tallies: {},
    };
    const told = JSON.stringify(input.paused);
    const handle = await startChild<typeof runFanOut>('runFanOut', {
      workflowId: `${workflowInfo().workflowId}:${workflowInfo().runId.slice(0, 8)}:${id}`,
      args: [input],
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      staticSummary: `${input.steps.join(', ')} in ${fanOut.slices} slices`,
    });
    this.#handles.add(handle);
    this.#told = told;
    this.tellPaused();
    try {
      return await handle.result();
    } finally {
      this.#handles.delete(handle);
    }
  }

  #knownOf(id: string): Known[] {
    const state = this.#around.states.get(id);
    if (state === undefined) return [];
    const { status, tolerated, attempts, artifact, metrics, outcomes, incomplete } = state;
    return [
      {
        id,
        step: stepIdOf(id),
        places: [],
        status,
        attempts,
        ...(tolerated && { tolerated }),
        ...(artifact && { artifact }),
        ...(metrics && { metrics }),
        ...(outcomes && { outcomes }),
        ...(incomplete && { incomplete }),
      },
    ];
  }

  #stepOf(id: string): PlanStep | undefined {
    return this.#around.plan.steps.find((step) => step.id === id);
  }

  #end(step: PlanStep, tally: Tally, outcomes: BlobRef): void {
    const state = this.#around.states.get(step.id);
    if (state === undefined) return;
    state.tally = tally;
    state.outcomes = outcomes;
    state.endedAt = Date.now();
    Object.assign(state, endOf(step, tally));
  }
}

/** As what a step ends of which this many instances have ended so. */
function endOf(step: PlanStep, tally: Tally): Partial<StepState> {
  const { total, done, failed, fatal, unwanted, failures } = tally;
  const shortage = shortageOf(step, { done, total: total - unwanted });
  const first = failures.map(({ id, code, message }) => `${id}: ${code}: ${message}`).join('\n');
  if (shortage !== undefined) {
    const message = `Of ${step.id} ${shortageText(shortage)}. What failed first:\n${first}`;
    return { status: 'failed', error: { code: 'F2C_TOO_FEW_DONE', message } };
  }
  if (fatal > 0 && failed > 0) {
    const message = `${failed} of ${total} instances failed. The first:\n${first}`;
    return { status: 'failed', error: { code: failures[0]?.code ?? 'F2C_RUN_FAILED', message } };
  }
  const missing = total - done;
  if (fatal > 0) {
    return { status: 'skipped', reason: `${missing} of ${total} instances need what is missing` };
  }
  if (done > 0) return { status: 'done', ...(missing > 0 && { incomplete: true }) };
  return failed > 0 ? { status: 'failed', tolerated: true } : { status: 'skipped', tolerated: true };
}
