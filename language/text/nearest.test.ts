import { expect, test } from 'vitest';
import { nearest } from './nearest.ts';

test.each([
  ['poolratio', 'poolRatio'],
  ['learningrate', 'learningRate'],
  ['imagse', 'images'],
  ['haed', 'head'],
  ['test', 'test'],
])('%s is taken for %s', (typed, meant) => {
  expect(nearest(typed, ['head', 'images', 'learningRate', 'poolRatio', 'test'])).toBe(meant);
});

test('nothing is suggested for a name that resembles none', () => {
  expect(nearest('batch', ['head', 'images'])).toBeUndefined();
  expect(nearest('x', [])).toBeUndefined();
});

test('the closest name wins, the first of equals', () => {
  expect(nearest('report', ['reports', 'reporter', 'repost'])).toBe('reports');
});
