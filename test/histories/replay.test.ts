// Runs of earlier days must go on with today's code. The files beside this one are runs that the real server has
// recorded; `npx tsx test/histories/record.ts` records what its list names and the folder lacks. A change that
// breaks one breaks runs of users that are going on: mend the change, do not record the run again.
import { readdirSync, readFileSync } from 'node:fs';
import { DeterminismViolationError } from '@temporalio/workflow';
import { describe, expect, it } from 'vitest';
import { replayed } from '../support/replay.ts';
import { nobody, readable, readHistory } from './neutral.ts';
import { recordings } from './recordings.ts';

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.json'));
const texts = new Map(
  files.map((file) => [file.slice(0, -5), readFileSync(`${import.meta.dirname}/${file}`, 'utf8')]),
);

it('there is a history of every run that can be recorded', () => {
  expect([...texts.keys()]).toEqual(expect.arrayContaining(Object.keys(recordings)));
});

it('every recorded run is replayed to the same commands', async () => {
  const names = [...texts.keys()];
  // A run names the workflows that it starts after itself.
  const histories = [...texts.values()].map((text) => {
    const history = readHistory(text);
    const { workflowId } = history.events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
    if (!workflowId) throw new Error('a history does not say whose it is');
    return { workflowId, history };
  });
  const results = await replayed(histories);
  expect(results.map(({ error }, index) => [names[index], error])).toEqual(
    names.map((name) => [name, undefined]),
  );
}, 120_000);

it('a run that went another way is told apart', async () => {
  const plain = texts.get('plain') as string;
  const history = readHistory(plain.replaceAll('"lookUp"', '"look"'));
  const [result] = await replayed([{ workflowId: 'plain', history }]);
  expect(result?.error).toBeInstanceOf(DeterminismViolationError);
}, 120_000);

describe.each([...texts])('the history %s', (_, text) => {
  it('names no machine, no folder of one and no key', () => {
    const identities = [...text.matchAll(/"identity":"([^"]*)"/g)].map(([, identity]) => identity);
    expect(new Set(identities)).toEqual(new Set([nobody]));
    expect(readable(text)).not.toMatch(/(?<![\w.:/])\/(tmp|home|root|Users|private|var|work|opt)\//);
    expect(readable(text)).not.toMatch(/AWS_|secretKey|accessKey/i);
  });
});
