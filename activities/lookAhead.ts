import { readKept } from '../artifacts/outcomes.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import type { Plan } from '../language/plan/plan.ts';
import { instancesOfRun, needsOf } from '../language/plan/resolve.ts';
import { decide, inOrder, type Outlook } from './outlook.ts';
import { lookUpTask } from './reuse.ts';
import type { AheadRequest, FoundAhead, StepDone, StepTask } from './tasks.ts';

/** What a step waits for that others follow: a display shows steps as they are found. */
const longestMs = 5_000;

/** All answers together, as JSON. */
const mostBytes = 128 * 1024;

/** What is said of a task beside the task. */
const bytesOfAnswer = 1_000;

/** Few, since all but the first of those that are no hits are asked in vain. */
const questionsAtATime = 4;

/**
 * Goes on from a hit along what follows, and says which steps are hits as well. It ends at the first one that is not, which
 * is remembered nowhere, since the run asks for it itself; and where anything goes wrong, of which the run is told then.
 */
export async function lookAhead(
  store: ArtifactStore,
  asked: { task: StepTask; hit: StepDone },
  { plan: stored, ids, known }: AheadRequest,
  signal: AbortSignal,
): Promise<FoundAhead[]> {
  const answers: FoundAhead[] = [];
  const outlooks = new Map<string, Outlook>();
  const add = (id: string, hit: StepDone) => outlooks.set(id, { id, expect: 'reuse', hit });
  for (const [id, made] of Object.entries({ ...known, [asked.task.step]: asked.hit })) add(id, made);
  const until = Date.now() + longestMs;
  let bytes = 0;
  let ended = false;
  try {
    const plan = await readKept<Plan>(store, stored);
    const followers = instancesOfRun(plan).filter(({ id }) => ids.includes(id));
    await inOrder(followers, questionsAtATime, async (instance) => {
      const needed = needsOf(plan, instance).flatMap((need) => need.ids);
      const hits = needed.flatMap((id) => outlooks.get(id) ?? []);
      if (ended || hits.length < needed.length) return;
      // The run asks for no step with effects here, nor for one that may lack instances of another.
      const needs = { known: hits, shortageAt: () => undefined };
      const decision = decide(plan, instance, needs, { run: asked.task.run, execution: '' });
      if (!('task' in decision)) return;
      const { task } = decision;
      bytes += JSON.stringify(task).length + bytesOfAnswer;
      ended = bytes > mostBytes || Date.now() > until || signal.aborted;
      if (ended) return;
      const found = await lookUpTask(store, task, { remember: 'hits' });
      if (found.hit === undefined) {
        ended = true;
        return;
      }
      add(task.step, found.hit);
      answers.push({ task, found });
    });
  } catch {
    // What was found until then is true all the same.
  }
  return answers;
}
