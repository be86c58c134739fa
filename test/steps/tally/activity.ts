import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { implement, type StepContext } from '../../../activities/step.ts';
import { tallyStep } from './contract.ts';

export const runTally = implement(
  tallyStep,
  async ({ number, millis, fails, journal, before, reports = [] }, step) => {
    const file = join(journal, step.key);
    const note = async (word: string) => {
      if (journal !== '') await appendFile(file, `${word}\n`);
    };
    const hasFailed = journal !== '' && /failed|died/.test(await readFile(file, 'utf8').catch(() => ''));
    await note('begun');
    if (millis > 0) await wait(millis);
    if (fails === 'always' || (fails === 'once' && !hasFailed)) {
      await note('failed');
      throw new Error('made to fail');
    }
    if (fails === 'afterCommit' && !hasFailed) dieAfterCommit(step, () => note('died'));
    const given = [...(before === undefined ? [] : [before]), ...reports];
    const total = given.reduce((sum, { metrics }) => sum + (metrics.total ?? 0), number);
    await note('ended');
    return { files: { 'total.json': Buffer.from(JSON.stringify(total)) }, facts: {}, metrics: { total } };
  },
);

/** The worst moment for a worker to die: the artifact is there, and nobody knows. */
function dieAfterCommit({ store, key }: StepContext, onDeath: () => Promise<void>): void {
  const commit = store.commit.bind(store);
  store.commit = async (draft, replaces) => {
    const committed = await commit(draft, replaces);
    if (draft.key === key) {
      await onDeath();
      process.kill(process.pid, 'SIGKILL');
    }
    return committed;
  };
}
