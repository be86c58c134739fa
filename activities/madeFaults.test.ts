import { expect, test } from 'vitest';
import { artifact, metric } from '../language/contract/step.ts';
import { madeFaults } from './madeFaults.ts';

const contract = { outputs: { report: artifact('report'), density: metric('images') } };
const made = { files: { 'a.txt': Buffer.from('a') }, facts: {}, metrics: { density: 1 } };

test('what is right has no faults', () => {
  expect(madeFaults(made, contract)).toEqual([]);
  expect(
    madeFaults({ ...made, files: { a: '/a', b: { digest: 'ab', bytes: 1 } }, metrics: {} }, contract),
  ).toEqual([]);
});

test.each([
  [undefined, 'it is no object with `files`, `facts` and `metrics`'],
  [{ files: {}, metrics: {} }, '`facts` is no object'],
  [
    { ...made, files: { 'a.txt': 3 } },
    'the file a.txt is neither a path nor bytes, such as Buffer.from(text)',
  ],
  [{ ...made, metrics: { density: Number.NaN } }, 'the metric density is NaN, not a finite number'],
  [{ ...made, metrics: { report: 1 } }, 'its contract has no metric report'],
])('%j is told', (made, fault) => {
  expect(madeFaults(made, contract)).toEqual([fault]);
});
