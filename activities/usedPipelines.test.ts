import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../artifacts/canonical.ts';
import { startTestStore, type TestStore } from '../test/support/store.ts';
import { applyPipeline } from './applied.ts';
import { planRun, readStart } from './reuse.ts';
import { uncheckedIn, usedPipelines, usedShipped } from './usedPipelines.ts';

let server: TestStore;
beforeAll(async () => {
  server = await startTestStore();
});
afterAll(() => server.stop());

const using = (name: string, used: string): string =>
  `name: ${name}\nsummary: x\nsteps: { s: { uses: pipeline, with: { pipeline: "${used}" } } }\n`;
const last = (size: number): string =>
  `name: last\nsummary: x\nsteps: { s: { uses: ingest, with: { source: x, imageSize: ${size} } } }\n`;

async function apply(name: string, text: string): Promise<string> {
  await applyPipeline(server.store, { name, summary: 'x', by: 'ann@home', text });
  return sha256(text);
}

it('finds what is used by what is used: by name, version and digest, as pinned, and says what is not there', async () => {
  const first = await apply('last', last(32));
  const second = await apply('last', last(48));
  const middle = await apply('middle', using('middle', 'last'));
  const find = async (used: string, pinned = {}) => {
    const found = await usedPipelines(server.store, { text: using('top', used) }, pinned);
    return Object.fromEntries(
      Object.entries(found).map(([name, named]) => [name, 'digest' in named ? named.digest : named]),
    );
  };
  expect(await find('middle')).toEqual({ middle, last: second });
  expect(await find('middle', { last: first })).toEqual({ middle, last: first });
  expect(await find('last@1')).toEqual({ 'last@1': first });
  expect(await find(`sha256:${first}`)).toEqual({ [`sha256:${first}`]: first });
  expect(await find('lost')).toEqual({
    lost: { fault: 'No pipeline is named "lost". Did you mean "last"?' },
  });
  expect(await find('last@7')).toEqual({
    'last@7': {
      fault: 'The pipeline last has no version 7. It has 1 to 2: `npx f2c pipelines last` shows them',
    },
  });

  const sizeOf = async (pinned?: Record<string, string>) => {
    const input = { pipeline: 'middle', ...(pinned && { pinned }) };
    const { steps, pipelines } = await planRun(server.store, input);
    return [steps[0]?.id, steps[0]?.with.imageSize, pipelines];
  };
  expect(await sizeOf()).toEqual(['s.s', { literal: 48 }, { last: second }]);
  expect(await sizeOf({ last: first })).toEqual(['s.s', { literal: 32 }, { last: first }]);
});

it('ends where pipelines use each other in a circle', async () => {
  await apply('round', using('round', 'and-round'));
  await apply('and-round', using('and-round', 'round'));
  await expect(planRun(server.store, { pipeline: 'round' })).rejects.toThrow(
    /and-round:3:\d+ {2}error {2}Pipelines use each other in a circle: `round` -> `and-round` -> `round`/,
  );
});

it('knows those that ship without a store', async () => {
  const found = await usedShipped({ text: `${using('top', 'att-folds')}` });
  expect(uncheckedIn(found)).toEqual([]);
  expect(Object.keys(found)).toEqual(['att-folds']);
  expect(uncheckedIn(await usedShipped({ text: using('top', 'other@2') }))).toEqual(['other@2']);
});

it('refuses digests that are none', () => {
  const pinned = { last: 'newest' };
  expect(() => readStart({ pipeline: 'middle', pinned })).toThrow(
    /"pinned" is digests by the names of pipelines/,
  );
});
