import { expect, it } from 'vitest';
import { paramText, readParams } from './params.ts';

const texts = ['images=20000', 'rate=0.1', 'source=s3://bucket/a=b', 'deep=true', 'empty='];

it('reads values as YAML would, and writes them back', () => {
  const params = readParams(texts);
  expect(params).toEqual({
    images: 20000,
    rate: 0.1,
    source: 's3://bucket/a=b',
    deep: true,
    empty: '',
  });
  expect(Object.entries(params).map(paramText)).toEqual(texts);
});

it('reads lists, which need no blanks and may stand over several lines', () => {
  const params = readParams([
    'ratios=[0.01, 1]',
    'heads=[dcp,fc]',
    'mixed=[true, "1", [2]]',
    'empty=[]',
    'open=[0.1',
    'text=[draft] report',
    'quoted="[1]"',
    'block=- 1',
  ]);
  expect(params).toEqual({
    ratios: [0.01, 1],
    heads: ['dcp', 'fc'],
    mixed: [true, '1', [2]],
    empty: [],
    open: '[0.1',
    text: '[draft] report',
    quoted: '[1]',
    block: '- 1',
  });
  expect(paramText(['ratios', [0.01, 1]])).toBe('ratios=[0.01,1]');
});

it('refuses a param without a value, without a name, or given twice', () => {
  expect(() => readParams(['images'])).toThrow('--param images has no value. Write --param name=value.');
  expect(() => readParams(['=3'])).toThrow('--param =3 has no name. Write --param name=value.');
  expect(() => readParams(['a=1', 'a=2'])).toThrow('--param a is given twice. Give a once.');
});
