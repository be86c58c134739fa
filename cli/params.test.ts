import { expect, it } from 'vitest';
import { collectParam } from './params.ts';

it('reads values as YAML would', () => {
  const texts = ['images=20000', 'rate=0.1', 'source=s3://bucket/a=b', 'deep=true', 'empty='];
  expect(texts.reduce((params, text) => collectParam(text, params), {})).toEqual({
    images: 20000,
    rate: 0.1,
    source: 's3://bucket/a=b',
    deep: true,
    empty: '',
  });
});

it('refuses a param without a value', () => {
  expect(() => collectParam('images', {})).toThrow('--param images has no value. Write --param name=value.');
});
