/** Runs inside the workflow: imports nothing but types and pure functions. */
import type { Need } from './resolve.ts';
import { type Shortage, shortageText } from './shortage.ts';

/** What became of an instance that another one needs, or would become of it. */
interface Ended {
  id: string;
  status: string;
  /** It is missed on purpose. */
  tolerated?: true;
  /** Of a step that is run by slices: some instances are missing. */
  incomplete?: boolean;
}

/** Why an instance is skipped. */
export interface Obstacle {
  reason: string;
  /** Everything that is missing is missed on purpose, so the run does not fail for it. */
  tolerated: boolean;
}

/**
 * What keeps an instance from running once all that it needs has ended. A gather does without instances that
 * the run goes on without, if one is left; whatever else is missing stops it. One of all instances of a step
 * does not do with fewer than `minSuccess` asks for; one of a part of them cannot know.
 */
export function obstacleOf(
  needs: readonly Need[],
  states: ReadonlyMap<string, Ended>,
  shortageAt: (step: string) => Shortage | undefined,
): Obstacle | undefined {
  for (const { step, gathered, whole } of needs) {
    const short = gathered && whole ? shortageAt(step) : undefined;
    if (short === undefined) continue;
    return { reason: `needs ${step}, but of ${short.step} ${shortageText(short)}`, tolerated: false };
  }
  const missing = needs.flatMap(({ ids, gathered }) => {
    const absent = ids
      .flatMap((id) => states.get(id) ?? [])
      .filter(({ status, incomplete }) => status !== 'done' || (incomplete && !gathered));
    const enough = gathered && absent.length < ids.length && absent.every(({ tolerated }) => tolerated);
    return enough ? [] : absent;
  });
  const [first] = missing;
  if (first === undefined) return undefined;
  const others = missing.length === 1 ? '' : `, and ${missing.length - 1} more`;
  return {
    reason: `needs ${first.id}, which ${endOf(first)}${others}`,
    tolerated: missing.every(({ status, tolerated }) => tolerated || status === 'done'),
  };
}

function endOf({ status }: Ended): string {
  if (status === 'done') return 'has not all of its instances';
  return status === 'failed' ? 'failed' : `was ${status}`;
}
