import { describe, expect, test } from 'vitest';
import { readPipeline } from '../check.ts';
import { pipelinesIn } from '../grammar/uses.ts';
import { parts, using } from '../subpipelines.fixture.ts';
import { header, planOf, problemsOf, registry } from '../testing.ts';

describe('a used pipeline', () => {
  test('that is wrong itself is told by its name, once, and hides nothing else', () => {
    const broken = parts.replace('evaluate', 'evaluat').replace('steps.table.best', 'steps.table.bst');
    const text = `${header}steps:
  a: { uses: pipeline, with: { pipeline: parts, params: { source: x } } }
  b: { uses: pipeline, with: { pipeline: parts, params: { source: x } } }
  c: { uses: ingest, with: { source: "\${{ steps.a.best }}", sise: 1 } }
`;
    expect(problemsOf(text, { parts: broken })).toEqual([
      '6:61 4 `sise` is not a param of `ingest`',
      'parts:15:11 7 `evaluat` is not a step kind; there are compare, evaluate, export, index, ingest, notify, train, pipeline [evaluate]',
      'parts:25:25 3 `table` has no output `bst`; it has report, best [best]',
    ]);
  });

  test('cannot be one of a circle', () => {
    const use = (name: string) => `${header}steps: { s: { uses: pipeline, with: { pipeline: ${name} } } }\n`;
    expect(
      problemsOf(use('a'), {
        a: use('b').replace('example', 'a'),
        b: use('c').replace('example', 'b'),
        c: use('a').replace('example', 'c'),
      }),
    ).toEqual(['c:3:49 1 Pipelines use each other in a circle: `a` -> `b` -> `c` -> `a`']);
    expect(problemsOf(use('example'), { example: use('example') })).toEqual([
      '3:49 7 The pipeline uses itself: `example` -> `example`',
    ]);
  });

  test('lies at most ten deep', () => {
    const last = `${header}steps: { s: { uses: ingest, with: { source: x } } }\n`;
    const chain = (length: number) =>
      Object.fromEntries(
        Array.from({ length }, (_, index) => [
          `p${index + 1}`,
          index + 1 === length
            ? last
            : `name: p${index + 1}\nsummary: x\nsteps: { s: { uses: pipeline, with: { pipeline: p${index + 2} } } }\n`,
        ]),
      );
    const first = `${header}steps: { s: { uses: pipeline, with: { pipeline: p1 } } }\n`;
    expect(planOf(first, {}, chain(10)).steps.map(({ id }) => id)).toEqual([`${'s.'.repeat(10)}s`]);
    const [problem, ...others] = problemsOf(first, chain(11));
    expect(others).toEqual([]);
    expect(problem).toMatch(
      /^p10:3:49 3 Pipelines use each other more than 10 deep: `example` -> `p1` -> .* -> `p11`$/,
    );
  });

  test('counts with all its steps', () => {
    const many = (name: string, uses: string) =>
      `name: ${name}\nsummary: x\nsteps:\n${Array.from({ length: 20 }, (_, index) => `  s${index}: { uses: ${uses} }\n`).join('')}`;
    const leaf = many('leaf', 'ingest, with: { source: x }');
    const mid = many('mid', 'pipeline, with: { pipeline: leaf }');
    expect(planOf(mid, {}, { leaf }).steps).toHaveLength(400);
    expect(problemsOf(many('all', 'pipeline, with: { pipeline: mid }'), { leaf, mid })).toEqual([
      '3:1 5 The pipeline has 8000 steps with those of the pipelines that it uses; at most 1000 are possible',
    ]);
    const wide = using(
      `matrix: { x: [${Array.from({ length: 80 }, (_, index) => index)}] }, with: { pipeline: leaf }`,
    );
    expect(problemsOf(wide, { leaf })).toEqual([
      '4:1 5 The steps with at most 500 instances would have 1600 together; at most 1500 are possible in a run',
    ]);
  });

  test.each([
    ['x: 3', '`x` must be a string, not 3'],
    ['x: steps.a.dataset', '`x` must be a reference to what a step makes: ${{ steps.STEP.OUTPUT }}'],
    [
      'x: "${{ steps.a.identities + 1 }}"',
      '`x` must be a reference to what a step makes: ${{ steps.STEP.OUTPUT }}',
    ],
    [
      'x: "${{ params.n }}"',
      '`params.n` is made by no step; write `steps.STEP.OUTPUT` or `steps.STEP.*.OUTPUT`',
    ],
    ['x: "${{ steps.b.dataset }}"', 'There is no step `b`'],
    [
      'x: "${{ steps.a.datset }}"',
      '`a` has no output `datset`; it has dataset, identities, instances, rejected [dataset]',
    ],
    [
      'x: "${{ steps.p.index }}"',
      '`p` has several instances, one for every `fold`; gather them with `steps.p.*.index`',
    ],
    ['x y: "${{ steps.a.dataset }}"', '`x y` must be a name'],
  ])('cannot have the output %s', (output, problem) => {
    const text = `${header}outputs: { ${output} }
params: { n: { type: integer, default: 1 } }
steps:
  a: { uses: ingest, with: { source: x } }
  p: { uses: index, matrix: { fold: [1, 2] }, with: { dataset: "\${{ steps.a.dataset }}", fold: "\${{ matrix.fold }}", folds: 2 } }
`;
    expect(problemsOf(text).map((each) => each.replace(/^\S+ \S+ /, ''))).toEqual([problem]);
  });
});

test('a pipeline of which nothing is known hides nothing else', () => {
  const text = `${header}steps:
  a: { uses: pipeline, matrix: { x: [1] }, with: { pipeline: other, params: { y: "\${{ matrix.z }}" } } }
  b: { uses: ingest, each: a, with: { source: "\${{ steps.a.whatever }}" } }
`;
  const read = readPipeline(text, registry, { other: { unchecked: true } });
  expect('problems' in read && read.problems.map(({ message }) => message)).toEqual(['`a` has no axis `z`']);
});

test('the pipelines that a file names are read off it, also where it is wrong', () => {
  const text = `${header}steps:
  a: { uses: pipeline, with: { pipeline: one@2 } }
  b: { uses: pipeline, with: { pipeline: one@2, x: 1 }, needs: 3 }
  c: { uses: pipeline, with: { pipeline: ./file.yaml } }
  d: { uses: pipeline, with: { pipeline: 3 } }
  e: { uses: pipeline }
  f: { uses: train, with: { pipeline: two } }
  g: 3
`;
  expect(pipelinesIn(text)).toEqual(['one@2']);
  expect(pipelinesIn('steps: [')).toEqual([]);
});
