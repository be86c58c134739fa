import type { AheadRequest, FoundAhead, LookUp, StepDone, StepTask } from '../activities/tasks.ts';
import type { Plan, PlanStep } from '../language/plan/plan.ts';
import { type Instance, type Need, needsOf } from '../language/plan/resolve.ts';
import type { Shortage } from '../language/plan/shortage.ts';
import { lookUp, lookUpAhead } from './control.ts';
import { outputsAt } from './runInstances.ts';
import type { StepState } from './runTypes.ts';

/** Steps for which one look-up may answer, and others that these need. */
const mostSteps = 100;

interface Surroundings {
  plan: Plan;
  instances: readonly Instance[];
  states: ReadonlyMap<string, StepState>;
  shortageAt: (step: string) => Shortage | undefined;
}

/**
 * The first look-ups of a run's steps. One that is a hit answers for what follows as well, since an activity takes longer
 * than many looks into the store. Such an answer is a hit, counts at the moment at which it comes, and for the very
 * question that was answered; in all other cases the store is asked as it would have been.
 */
export class LookAhead {
  readonly #around: Surroundings;
  readonly #needs: ReadonlyMap<string, Need[]>;
  /** Those for which a look-up before them may answer. */
  readonly #followers: readonly Instance[];
  #answers = new Map<string, FoundAhead>();
  #answeredAt = 0;

  constructor(around: Surroundings) {
    const { plan, instances, states } = around;
    this.#around = around;
    this.#needs = new Map(instances.map((instance) => [instance.id, needsOf(plan, instance)]));
    // Others wait for something first, or are no hits.
    this.#followers = instances.filter(
      ({ id, step: { approve, fingerprint, effect, fanOut } }) =>
        !(approve || fingerprint || effect || fanOut || states.get(id)?.forced),
    );
  }

  async lookUp(task: StepTask, step: PlanStep): Promise<LookUp> {
    const answer = this.#take(task);
    if (answer !== undefined) return answer;
    const request = this.#requestOf(task.step);
    if (request === undefined) return await lookUp(task, step);
    const { ahead = [], ...found } = await lookUpAhead(task, step, request);
    this.#keep(ahead);
    return found;
  }

  /** Time stands still in a workflow while nothing happens to it: who has waited for anything asks anew. */
  #take(task: StepTask): LookUp | undefined {
    const answer = this.#answers.get(task.step);
    this.#answers.delete(task.step);
    const isMeant = this.#answeredAt === Date.now() && JSON.stringify(answer?.task) === JSON.stringify(task);
    return isMeant ? answer?.found : undefined;
  }

  #keep(answers: readonly FoundAhead[]): void {
    if (this.#answeredAt !== Date.now()) this.#answers = new Map();
    this.#answeredAt = Date.now();
    for (const answer of answers) this.#answers.set(answer.task.step, answer);
  }

  /** Nothing is to be expected where something that a step needs had to be made. */
  #requestOf(asked: string): AheadRequest | undefined {
    const { plan, states } = this.#around;
    if (plan.stored === undefined || !this.#needed(asked).every((id) => states.get(id)?.attempts === 0))
      return undefined;
    const ids = new Set<string>();
    const known = new Map<string, StepDone>();
    for (const { id } of this.#followers) {
      if (ids.size === mostSteps) break;
      const needed = this.#needed(id);
      if (!needed.some((need) => need === asked || ids.has(need)) || this.#mayLack(id)) continue;
      const others = needed.filter((need) => need !== asked && !ids.has(need));
      const made = others.flatMap((need) => {
        const outputs = outputsAt(states.get(need));
        return outputs === undefined ? [] : [[need, outputs] as const];
      });
      const news = made.filter(([need]) => !known.has(need));
      if (made.length < others.length || known.size + news.length > mostSteps) continue;
      for (const [need, outputs] of news) known.set(need, outputs);
      ids.add(id);
    }
    return ids.size === 0
      ? undefined
      : { plan: plan.stored, ids: [...ids], known: Object.fromEntries(known) };
  }

  #needed(id: string): string[] {
    return this.#needs.get(id)?.flatMap(({ ids }) => ids) ?? [];
  }

  /** A step that gathers all instances of another is skipped where these are too few. */
  #mayLack(id: string): boolean {
    const needs = this.#needs.get(id) ?? [];
    return needs.some(
      ({ step, gathered, whole }) => gathered && whole && this.#around.shortageAt(step) !== undefined,
    );
  }
}
