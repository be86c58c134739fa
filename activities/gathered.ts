import { outcomesOf } from '../artifacts/outcomes.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { F2cError } from '../errors/failure.ts';
import { type Outcome, type OutcomesRef, tallyOf } from '../language/plan/outcomes.ts';
import { own } from '../language/text/own.ts';
import type { StepTask, WholeTask } from './tasks.ts';

/** A task with the artifacts of what it gathers, as if the workflow had known them all. */
export async function wholeTask<T extends StepTask>(store: ArtifactStore, task: T): Promise<WholeTask<T>> {
  const inputs: WholeTask['inputs'] = {};
  for (const [name, refs] of Object.entries(task.inputs)) {
    if (!Array.isArray(refs)) {
      inputs[name] = refs;
      continue;
    }
    const lists = await Promise.all(
      refs.map(async (ref) => {
        if (!('outcomes' in ref)) return [ref];
        return (await outcomesOf(store, ref)).flatMap(({ status, artifact }) =>
          status === 'done' && artifact !== undefined ? [artifact] : [],
        );
      }),
    );
    inputs[name] = lists.flat();
  }
  return { ...task, inputs };
}

/** What a workflow has to know of a gather before it goes on with the step that gathers. */
export interface Gathered {
  done: number;
  /** Instances for which the run fails. */
  fatal: number;
  /** The first one that is missing. */
  missing?: { id: string; status: string };
  /** Of those done, in order; only where a metric is asked for. */
  metrics?: number[];
}

/** More would not fit into what Temporal takes at once. */
const mostMetrics = 50_000;

export interface GatherQuestion {
  ref: OutcomesRef;
  metric?: string;
}

export async function askGathered(store: ArtifactStore, { ref, metric }: GatherQuestion): Promise<Gathered> {
  const outcomes = await outcomesOf(store, ref);
  const { done, fatal } = tallyOf(outcomes);
  const missing = outcomes.find(({ status }) => status !== 'done');
  if (metric !== undefined && done > mostMetrics) {
    throw new F2cError('F2C_EXPRESSION_FAILED', {
      what: `An expression has at most ${mostMetrics} numbers of a list, and ${done} instances of ${ref.step} are done`,
      fix: `Let a step gather what ${ref.step} has made, instead of its ${metric}`,
    });
  }
  return {
    done,
    fatal,
    ...(missing && { missing: { id: missing.id, status: missing.status } }),
    ...(metric !== undefined && { metrics: outcomes.flatMap((outcome) => metricOf(outcome, metric)) }),
  };
}

function metricOf({ id, status, metrics = {} }: Outcome, metric: string): number[] {
  if (status !== 'done') return [];
  const value = own(metrics, metric);
  if (value === undefined) throw new Error(`${id} has made no ${metric}`);
  return [value];
}
