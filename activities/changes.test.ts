import { expect, it } from 'vitest';
import type { JsonObject } from '../language/text/json.ts';
import { changeParams } from './changes.ts';

const params = { by: 'accuracy' };

it('gives the changed params and what differs', () => {
  expect(changeParams({ uses: 'compare', params, with: { by: 'eer' } })).toEqual({
    params: { by: 'eer' },
    changes: ['by "accuracy" -> "eer"'],
  });
  expect(changeParams({ uses: 'compare', params, with: {} })).toEqual({ params, changes: [] });
});

it.each([
  [{ bye: 'eer', reports: [] }, '  `bye` is not a param of `compare`. Did you mean `by`?'],
  [{ reports: [] }, '  `reports` is an input, and only params can be changed'],
  [{ by: 'err' }, '  `by` must be one of accuracy, eer, tarAtFar1e2. Did you mean `eer`?'],
  [{ by: 3 }, '  `by` must be one of accuracy, eer, tarAtFar1e2'],
])('%j does not fit', (changes, complaint) => {
  expect(() => changeParams({ uses: 'compare', params, with: changes })).toThrow(
    expect.objectContaining({
      code: 'F2C_ANSWER_INVALID',
      message: expect.stringContaining(`${complaint}\n`),
    }),
  );
});

it('params that do not fit each other are told', () => {
  const index = { validation: 0, test: 2, seed: 0 };
  expect(() => changeParams({ uses: 'index', params: index, with: { fold: 1 } })).toThrow(
    'The changed params do not fit `index`:\n  `fold` must have `folds` beside it\nThe step still waits.',
  );
});

it('a step gets no secret that its pipeline does not give to it', () => {
  const notify = { url: '${{ secrets.HOOK }}', message: 'x', headers: {} };
  const change = (changes: JsonObject) => changeParams({ uses: 'notify', params: notify, with: changes });
  expect(change({ headers: { X: '${{ secrets.HOOK }}' } }).params.headers).toEqual({
    X: '${{ secrets.HOOK }}',
  });
  expect(() => change({ headers: { X: 'a ${{ secrets.OTHER }}' } })).toThrow(
    'The pipeline does not let the step have the secret `OTHER`',
  );
});
