import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { implement } from '../../../activities/step.ts';
import { tallyStep } from './contract.ts';

export const runTally = implement(
  tallyStep,
  async ({ number, millis, fails, journal, before, reports = [] }, { key }) => {
    const note = (word: string) => (journal === '' ? undefined : appendFile(join(journal, key), `${word}\n`));
    const isFirst =
      journal === '' || !(await readFile(join(journal, key), 'utf8').catch(() => '')).includes('failed');
    await note('begun');
    if (millis > 0) await wait(millis);
    if (fails === 'always' || (fails === 'once' && isFirst)) {
      await note('failed');
      throw new Error('made to fail');
    }
    const given = [...(before === undefined ? [] : [before]), ...reports];
    const total = given.reduce((sum, { metrics }) => sum + (metrics.total ?? 0), number);
    await note('ended');
    return { files: { 'total.json': Buffer.from(JSON.stringify(total)) }, facts: {}, metrics: { total } };
  },
);
