import { describe, expect, test } from 'vitest';
import { paramsError, pipelineError, renderProblems } from './problems.ts';

const text = 'steps:\r\n\tx: poolratio\r\n';

describe('a problem', () => {
  test('shows place, message, suggestion and the line with the part underlined', () => {
    const problem = {
      line: 12,
      column: 7,
      length: 9,
      message: '`poolratio` is not a param of `train`',
      suggestion: 'poolRatio',
    };
    const source = { text: `${'\n'.repeat(11)}      poolratio: 0.1\n`, file: 'pipelines/x.yaml' };
    expect(renderProblems([problem], source)).toBe(
      [
        'pipelines/x.yaml:12:7  error  `poolratio` is not a param of `train`. Did you mean `poolRatio`?',
        '    12 |       poolratio: 0.1',
        '       |       ^^^^^^^^^',
      ].join('\n'),
    );
  });

  test('keeps tabs in front of the underline', () => {
    const problem = { line: 2, column: 5, length: 3, message: 'Wrong' };
    expect(renderProblems([problem], { text })).toBe(
      'pipeline:2:5  error  Wrong\n     2 | \tx: poolratio\n       | \t   ^^^',
    );
  });
});

describe('failures', () => {
  test('of a pipeline', () => {
    const problem = { line: 1, column: 1, length: 5, message: 'Wrong' };
    const error = pipelineError([problem, problem], { text: 'steps', file: 'a.yaml' });
    expect(error.code).toBe('F2C_PIPELINE_INVALID');
    const shown = 'a.yaml:1:1  error  Wrong\n     1 | steps\n       | ^^^^^';
    expect(error.message).toBe(`${shown}\n\n${shown}\n\n2 errors in a.yaml.`);
    expect(pipelineError([problem], { text: 'steps' }).message).toBe(
      'pipeline:1:1  error  Wrong\n     1 | steps\n       | ^^^^^\n\n1 error in pipeline.',
    );
  });

  test('of params', () => {
    const error = paramsError(
      [
        { param: 'imgs', message: '`imgs` is not a param', suggestion: 'images' },
        { param: 'source', message: '`source` is missing: a string' },
      ],
      'quickstart',
    );
    expect(error.code).toBe('F2C_PARAMS_INVALID');
    expect(error.message).toBe(
      [
        'The params do not fit the pipeline quickstart:',
        '  `imgs` is not a param. Did you mean `images`?',
        '  `source` is missing: a string',
        'Nothing was started.',
      ].join('\n'),
    );
  });
});

test('shows of a long line what is around the problem, and no more problems than anybody reads', () => {
  const text = `summary: ${'a'.repeat(500)}${'b'.repeat(500)}`;
  const problem = { line: 1, column: 510, length: 500, message: 'Too long' };
  expect(renderProblems([problem], { text })).toBe(
    [
      'pipeline:1:510  error  Too long',
      `     1 | …${'a'.repeat(40)}${'b'.repeat(120)}…`,
      `       | ${' '.repeat(41)}${'^'.repeat(120)}`,
    ].join('\n'),
  );
  const shown = renderProblems(Array(250).fill(problem), { text });
  expect(shown.match(/error {2}Too long/g)).toHaveLength(100);
  expect(shown).toMatch(/\n\nand 150 more$/);
});
