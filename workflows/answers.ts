import { ApplicationFailure, condition, defineUpdate, setHandler } from '@temporalio/workflow';
import type { ChangedParams } from '../activities/changes.ts';
import type { PlanApproval } from '../language/plan/plan.ts';
import type { JsonObject } from '../language/text/json.ts';
import { untilDone } from './attempts.ts';
import { changeParams, patient } from './control.ts';
import type { Action, RunState, StepState } from './runTypes.ts';
import { become } from './times.ts';
import { faultOfTexts, give, isMap, refusal, textsOf } from './updates.ts';
import { waits } from './waiting.ts';

/** A person's answer to a step that waits for one: the argument of the update `answer`. */
export interface Answer {
  /** Id of the step instance: `train[head=dcp]`. */
  step: string;
  action: Action;
  /** Of `retry`: params to change, for this instance alone. */
  with?: JsonObject;
  /** Who answers. */
  who?: string;
  note?: string;
}

export const answerUpdate = defineUpdate<string, [Answer]>('answer');

/** A step that waits, and what it may be told. */
interface Question {
  state: StepState;
  actions: readonly Action[];
  params: JsonObject;
  answered?: { action: Action; params: JsonObject };
}

const keys = ['step', 'action', 'with', 'who', 'note'];

/** The steps of a run that wait for a person. */
export class Answers {
  readonly #run: RunState;
  readonly #changed: () => void;
  readonly #open = new Map<string, Question>();

  constructor(run: RunState, changed: () => void) {
    this.#run = run;
    this.#changed = changed;
    setHandler(answerUpdate, (answer) => this.#take(answer), {
      validator: (answer) => {
        this.#check(answer);
      },
      description: 'Answers a step that waits: {"step": "train", "action": "retry"}',
    });
  }

  /**
   * Does the work of a step with `onFailure: hold` until it is done. A person decides what comes after a failure
   * for good: `work` again, perhaps with other params; nothing (undefined); or the failure.
   */
  async decided<T>(
    state: StepState,
    params: JsonObject,
    work: (params: JsonObject) => Promise<T>,
  ): Promise<T | undefined> {
    let current = params;
    for (;;) {
      try {
        return await work(current);
      } catch (error) {
        if (!(error instanceof ApplicationFailure)) throw error;
        become(state, 'held');
        state.error = { code: error.type ?? '', message: error.message };
        const answer = await this.#ask({ state, actions: ['retry', 'skip', 'fail'], params: current });
        if (answer === undefined || answer.action === 'fail') throw error;
        if (answer.action === 'skip') return undefined;
        current = answer.params;
      }
    }
  }

  /** Waits until a person has approved a step that says `approve`; F2C_STEP_REJECTED. */
  async approved({ timeoutMs, byDefault }: PlanApproval, state: StepState): Promise<void> {
    become(state, 'awaiting approval');
    if (timeoutMs !== undefined) state.deadline = { at: Date.now() + timeoutMs, action: byDefault };
    const question: Question = { state, actions: ['approve', 'reject'], params: {} };
    const answer = await this.#ask(question, timeoutMs);
    delete state.deadline;
    if (answer === undefined)
      give(state, { action: byDefault, at: Date.now(), note: 'nobody answered in time' });
    if ((answer?.action ?? byDefault) === 'approve') return;
    const { who, note } = state.answers?.at(-1) ?? {};
    const by = who === undefined ? '' : ` by ${who}`;
    throw refusal('F2C_STEP_REJECTED', `The step was rejected${by}${note === undefined ? '' : `: ${note}`}.`);
  }

  /** Undefined when the time is over. */
  async #ask(question: Question, timeoutMs?: number): Promise<Question['answered']> {
    const { id, status } = question.state;
    const isAnswered = () => question.answered !== undefined;
    this.#open.set(id, question);
    this.#changed();
    try {
      if (timeoutMs === undefined) await condition(isAnswered);
      else await condition(isAnswered, timeoutMs, { summary: `${id}: ${status}` });
    } finally {
      this.#open.delete(id);
    }
    return question.answered;
  }

  /** Takes an answer that is in order, and says what comes of it. */
  async #take(answer: Answer): Promise<string> {
    const question = this.#check(answer);
    const { action } = answer;
    const { state } = question;
    const changed = await this.#changedParams(question, answer.with ?? {});
    // While the params were checked, somebody else may have answered.
    if (this.#check(answer) !== question) throw notWaiting(answer.step, this.#run);
    question.answered = { action, params: changed.params };
    if (answer.with !== undefined) state.with = { ...state.with, ...answer.with };
    give(state, {
      action,
      at: Date.now(),
      ...textsOf(answer),
      ...(changed.changes.length > 0 && { changes: changed.changes }),
    });
    this.#changed();
    return [`${answer.step}: ${action}`, ...changed.changes].join(', ');
  }

  /** Nothing is asked of a worker where nothing changes. */
  async #changedParams({ state, params }: Question, changes: JsonObject): Promise<ChangedParams> {
    if (Object.keys(changes).length === 0) return { params, changes: [] };
    const check = () => changeParams(state.id, { uses: state.uses, params, with: changes });
    return await untilDone(`${state.id}: changed params`, patient, check, () => {});
  }

  /** The question that an answer is for. Throws what is wrong with the answer; anybody may have written it. */
  #check(answer: unknown): Question {
    const given = isMap(answer) ? answer : {};
    const { step, action } = given;
    const unknown = Object.keys(given).filter((key) => !keys.includes(key));
    if (typeof step !== 'string' || typeof action !== 'string' || unknown.length > 0) {
      const text = JSON.stringify(answer) ?? 'nothing';
      throw refusal(
        'F2C_ANSWER_INVALID',
        `${text} is not an answer. Write {"step": "train", "action": "retry", "with": {}, "who": "", "note": ""}; ` +
          'all but the first two may be left out.',
      );
    }
    if (!this.#run.steps.some(({ id }) => id === step)) {
      throw refusal('F2C_STEP_UNKNOWN', `The run has no step ${step}. ${waitingText(this.#run)}`);
    }
    const question = this.#open.get(step);
    if (question === undefined || question.answered !== undefined) throw notWaiting(step, this.#run);
    const known = question.actions.find((name) => name === action);
    if (known === undefined) {
      const actions = question.actions.join(', ');
      throw refusal(
        'F2C_ANSWER_INVALID',
        `${step} is ${question.state.status} and takes ${actions}, not ${action}.`,
      );
    }
    const fault = faultOf(given, known);
    if (fault !== undefined) throw refusal('F2C_ANSWER_INVALID', fault);
    return question;
  }
}

function faultOf(given: Record<string, unknown>, action: Action): string | undefined {
  if (given.with !== undefined && !isMap(given.with)) return '`with` must be a map of params.';
  if (given.with !== undefined && action !== 'retry') return `\`with\` goes with retry, not with ${action}.`;
  return faultOfTexts(given);
}

function notWaiting(step: string, run: RunState): ApplicationFailure {
  const status = run.steps.find(({ id }) => id === step)?.status;
  return refusal(
    'F2C_STEP_NOT_WAITING',
    `${step} does not ask for an answer: it is ${status}. ${waitingText(run)}`,
  );
}

/** The steps that wait, for those who named another. */
function waitingText({ steps }: RunState): string {
  const waiting = steps.filter(waits).map(({ id }) => id);
  return waiting.length === 0 ? 'No step of it waits.' : `Waiting: ${waiting.join(', ')}.`;
}
