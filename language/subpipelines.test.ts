import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { compile } from './compile.ts';
import type { Plan } from './plan.ts';
import { instancesOf, needsOf, resolveWith } from './resolve.ts';
import { header, planOf, problemsOf, registry } from './testing.ts';
import { pipelinesIn } from './uses.ts';

/** A pipeline to be used: it splits the faces by an axis of its own, and makes a table of all parts. */
const parts = `name: parts
summary: Splits the faces and compares what comes of it
params:
  source: { type: string }
  size: { type: integer, minimum: 16, maximum: 512, default: 64 }
  test: { type: integer, minimum: 1, default: 5 }
  label: { type: string, default: pixels }
steps:
  faces: { uses: ingest, with: { source: "\${{ params.source }}", imageSize: "\${{ params.size }}" } }
  people:
    uses: index
    matrix: { seed: [1, 2] }
    with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ params.test * 2 }}", seed: "\${{ matrix.seed }}" }
  report:
    uses: evaluate
    each: people
    onFailure: continue
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: "\${{ params.label }}" }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
outputs:
  dataset: \${{ steps.faces.dataset }}
  identities: \${{ steps.faces.identities }}
  reports: \${{ steps.report.*.report }}
  accuracies: \${{ steps.report.*.accuracy }}
  best: \${{ steps.table.best }}
`;

const used = { parts };

const using = (settings: string, others = ''): string =>
  `${header}params: { size: { type: integer, default: 96 } }\nsteps:\n  folds: { uses: pipeline, ${settings} }\n${others}`;

const given = (params: string): string => `with: { pipeline: parts, params: { ${params} } }`;

const ingest = (source: string): string => `  a: { uses: ingest, with: { source: ${source} } }\n`;

const stepsOf = (plan: Plan) => Object.fromEntries(plan.steps.map((step) => [step.id, step]));

/** What an instance asks for, where every step has made what its id says. */
function asks(plan: Plan, id: string) {
  const instance = plan.steps.flatMap((step) => instancesOf(plan, step.id)).find((each) => each.id === id);
  if (instance === undefined) throw new Error(`no instance ${id}`);
  return resolveWith(plan, instance, (made) => ({
    artifact: { kind: 'report', key: made, digest: made },
    metrics: { identities: 40, accuracy: 0.9, best: 0.8, testIdentities: 7 },
  }));
}

describe('a step that uses a pipeline', () => {
  test('becomes the steps of that pipeline', async () => {
    const plan = planOf(
      using(
        `matrix: { side: [32, 48] }, ${given('source: /faces, size: "${{ matrix.side }}"')}`,
        '  table: { uses: compare, with: { reports: ["${{ steps.folds.*.reports }}"] } }\n',
      ),
      {},
      used,
    );
    await expect(stringify(plan, { aliasDuplicateObjects: false })).toMatchFileSnapshot(
      'golden/subpipeline.plan.yaml',
    );
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  test('asks for exactly what the pipeline asks for by itself', () => {
    const alone = planOf(parts, { source: '/faces', size: 96, test: 20, label: 'n=40' });
    const within = planOf(
      using(
        `matrix: { test: [20] }, ${given('source: /faces, size: "${{ params.size }}", test: "${{ matrix.test }}", label: "n=${{ steps.a.identities }}"')}`,
        ingest('/others'),
      ),
      {},
      used,
    );
    const ids = alone.steps.flatMap((step) => instancesOf(alone, step.id)).map(({ id }) => id);
    expect(ids).toHaveLength(6);
    for (const id of ids) {
      const inner = `folds.${id.includes('[') ? id.replace('[', '[test=20,') : `${id}[test=20]`}`;
      const asked = JSON.stringify(asks(within, inner)).replaceAll('folds.', '');
      expect(asked.replaceAll('[test=20]', '').replaceAll('test=20,', '')).toBe(
        JSON.stringify(asks(alone, id)),
      );
    }
  });

  test('has the axes of the step before those of its own, and waits for what the step needs', () => {
    const plan = planOf(
      using(
        `needs: [first], each: split, when: "\${{ steps.split.testIdentities > 3 }}", ${given('source: x, label: "n=${{ steps.split.testIdentities }}"')}`,
        `  first: { uses: ingest, with: { source: a } }
  split: { uses: index, matrix: { half: [1, 2] }, with: { dataset: "\${{ steps.first.dataset }}" } }
  after: { uses: ingest, each: folds, with: { source: "n=\${{ steps.folds.identities }}" } }
  last: { uses: ingest, needs: [folds], with: { source: b } }
`,
      ),
      {},
      used,
    );
    const steps = stepsOf(plan);
    expect(plan.steps.map(({ id }) => id)).toEqual([
      ...['first', 'split', 'folds.faces', 'folds.people', 'folds.report', 'folds.table', 'after', 'last'],
    ]);
    expect(steps['folds.report']?.axes).toEqual([
      { name: 'half', origin: 'split', values: [1, 2] },
      { name: 'seed', origin: 'folds.people', values: [1, 2] },
    ]);
    const when = { op: '>', of: [expect.anything(), { literal: 3 }] };
    for (const id of ['folds.faces', 'folds.people', 'folds.report', 'folds.table']) {
      expect(steps[id]?.needs.slice(0, 2)).toEqual(['first', 'split']);
      expect(steps[id]?.when).toEqual({ written: 'steps.split.testIdentities > 3', value: when });
    }
    expect(steps.after).toMatchObject({ needs: ['folds.faces'], wholes: ['folds'] });
    expect(steps.last).toMatchObject({ needs: [], wholes: ['folds'] });
    const [after] = instancesOf(plan, 'after');
    expect(after && needsOf(plan, after).at(-1)).toEqual({
      step: 'folds',
      ids: [
        ...['folds.faces[half=1]', 'folds.people[half=1,seed=1]', 'folds.people[half=1,seed=2]'],
        ...['folds.report[half=1,seed=1]', 'folds.report[half=1,seed=2]', 'folds.table[half=1]'],
      ],
      gathered: true,
      whole: false,
    });
    expect(asks(plan, 'folds.report[half=2,seed=1]').params).toMatchObject({ label: 'n=7' });
  });

  test('gives gathers as one list, of its own instances and of all', () => {
    const plan = planOf(
      using(
        `matrix: { side: [32, 48] }, ${given('source: x, size: "${{ matrix.side }}"')}`,
        `  each: { uses: compare, each: folds, with: { reports: "\${{ steps.folds.reports }}" } }
  all: { uses: compare, with: { reports: "\${{ steps.folds.*.reports }}" } }
  word: { uses: ingest, with: { source: "\${{ max(steps.folds.*.accuracies) }} of \${{ length(steps.folds.*.best) }}" } }
`,
      ),
      {},
      used,
    );
    const keys = (id: string) => (asks(plan, id).inputs.reports as { key: string }[]).map(({ key }) => key);
    expect(keys('each[side=48]')).toEqual(['folds.report[side=48,seed=1]', 'folds.report[side=48,seed=2]']);
    expect(keys('all')).toHaveLength(4);
    expect(asks(plan, 'word').params.source).toBe('0.9 of 2');
    expect(stepsOf(plan).all?.gathers).toEqual(['folds.report']);
  });

  test('may be used within a used one, with conditions that are all asked for', () => {
    const middle = `name: middle
summary: Uses parts twice
params: { n: { type: integer, default: 3 }, wanted: { type: boolean, default: true } }
steps:
  a: { uses: pipeline, when: "\${{ params.wanted }}", with: { pipeline: parts, params: { source: a, test: "\${{ params.n }}" } } }
  b: { uses: pipeline, with: { pipeline: parts, params: { source: b, test: "\${{ steps.a.identities }}" } } }
outputs: { best: "\${{ steps.b.best }}", accuracies: "\${{ steps.a.accuracies }}" }
`;
    const plan = planOf(
      `${header}steps:
  base: { uses: ingest, with: { source: x } }
  m:
    uses: pipeline
    when: \${{ steps.base.identities > 1 }}
    with: { pipeline: middle, params: { n: "\${{ steps.base.identities }}", wanted: "\${{ steps.base.identities > 2 }}" } }
  end: { uses: ingest, with: { source: "\${{ steps.m.best }} \${{ mean(steps.m.accuracies) }}" } }
`,
      {},
      { parts, middle },
    );
    const steps = stepsOf(plan);
    expect(steps['m.a.people']?.when?.written).toBe('steps.base.identities > 1 && params.wanted');
    expect(steps['m.b.people']?.when?.written).toBe('steps.base.identities > 1');
    expect(steps['m.b.people']?.needs).toEqual(['base', 'm.a.faces', 'm.b.faces']);
    expect(asks(plan, 'm.a.people[seed=1]').params.test).toBe(80);
    expect(asks(plan, 'end').params.source).toBe('0.8 0.9');
    expect(plan.pipelines).toEqual({ parts: 'digest of parts', middle: 'digest of middle' });
  });
});

/** The problems with what is underlined of each. */
function told(text: string, pipelines: Record<string, string> = used): string[] {
  return problemsOf(text, pipelines).map((problem) => {
    const [, name, line, column, length, message] =
      /^(?:([^ :]+):)?(\d+):(\d+) (\d+) (.*)$/.exec(problem) ?? [];
    const lines = (name === undefined ? text : (pipelines[name] ?? '')).split('\n');
    const part = lines[Number(line) - 1]?.slice(Number(column) - 1).slice(0, Number(length));
    return `${name === undefined ? '' : `${name}: `}${part} | ${message}`;
  });
}

const wrong: [what: string, text: string, ...problems: string[]][] = [
  ['a name of nothing', using('with: { pipeline: part }'), 'part | No pipeline is named `part`'],
  ['no name', using('with: {}'), 'with | `pipeline` is missing'],
  ['no `with`', using('needs: []'), 'folds | `pipeline` is missing'],
  ['a name that is no text', using('with: { pipeline: 3 }'), '3 | `pipeline` must be a string, not 3'],
  [
    'a reference for a name',
    using('with: { pipeline: "${{ params.size }}" }'),
    '"${{ params.size }}" | `pipeline` is the name of a pipeline; it cannot hold a reference',
  ],
  [
    'a file',
    using('with: { pipeline: ./parts.yaml }'),
    './parts.yaml | `./parts.yaml` is a file, but a run uses what is in the store: `npx f2c apply ./parts.yaml` puts it there, then write its name',
  ],
  [
    'params beside `params`',
    using('with: { pipeline: parts, source: x }'),
    'with | The param `source` of `parts` is missing',
    'source | `source` is not a key of `with` of `pipeline`',
  ],
  [
    'params that are no map',
    using('with: { pipeline: parts, params: [x] }'),
    '[x] | `params` must be a map, not a list',
  ],
  ['an unknown param', using(given('source: x, sise: 32')), 'sise | `sise` is not a param of `parts` [size]'],
  ['a missing param', using(given('size: 32')), 'params | The param `source` of `parts` is missing'],
  ['no params at all', using('with: { pipeline: parts }'), 'with | The param `source` of `parts` is missing'],
  [
    'a value of a wrong type',
    using(given('source: x, size: big')),
    'big | `size` of `parts` must be a whole number, not a string',
  ],
  [
    'a value beyond the limits of the param',
    using(given('source: x, size: 8')),
    '8 | `size` of `parts` must be at least 16',
  ],
  [
    'one of the values of an axis',
    using(`matrix: { side: [32, 8] }, ${given('source: x, size: "${{ matrix.side }}"')}`),
    '8 | `size` of `parts` must be at least 16',
  ],
  [
    'a value that a step within does not take',
    using(given('source: x, label: ""')),
    '"" | In `parts`, `label`: `label` of `evaluate` must have at least 1 character',
  ],
  [
    'a value that a step within does not take at one of the values of an axis',
    using(`matrix: { side: [x, ""] }, ${given('source: x, label: "${{ matrix.side }}"')}`),
    '"${{ matrix.side }}" | In `parts`, `label`: `label` of `evaluate` must have at least 1 character',
  ],
  [
    'a default of the file that is out of limits',
    using(given('source: x, size: "${{ params.size * 10 }}"')),
    '"${{ params.size * 10 }}" | `size` of `parts` must be at most 512',
  ],
  [
    'an output of a wrong type',
    using(given('source: x, size: "${{ steps.a.identities > 3 }}"'), ingest('y')),
    'steps.a.identities > 3 | This is true or false, which `size` of `parts` does not take',
  ],
  [
    'an artifact for a value',
    using(given('source: "${{ steps.a.dataset }}"'), ingest('y')),
    'steps.a.dataset | `steps.a.dataset` is a dataset, but `source` of `parts` takes a value',
  ],
  [
    'an axis of the same name',
    using(`matrix: { seed: [1, 2] }, ${given('source: x')}`),
    'seed | `parts` has an axis `seed` itself, of its step `people`; this one needs another name',
  ],
  [
    'keys of steps that work themselves',
    using(`timeout: 1h, onFailure: hold, ${given('source: x')}`),
    'timeout | `timeout` is for steps that do something themselves; those of the used pipeline have their own',
    'onFailure | `onFailure` is for steps that do something themselves; those of the used pipeline have their own',
  ],
  [
    'an output that it has not',
    using(given('source: x'), ingest('"${{ steps.folds.identites }}"')),
    'identites | `folds` has no output `identites`; it has dataset, identities, reports, accuracies, best [identities]',
  ],
  [
    'an output of several instances',
    using(`matrix: { side: [32, 48] }, ${given('source: x')}`, ingest('"${{ steps.folds.identities }}"')),
    'folds | `folds` has several instances, one for every `side`; gather them with `steps.folds.*.identities`, or make one `a` for `each: folds`',
  ],
  [
    'a list for one artifact',
    using(given('source: x'), '  a: { uses: export, with: { checkpoint: "${{ steps.folds.reports }}" } }\n'),
    'steps.folds.reports | `steps.folds.reports` is a report, but `checkpoint` of `export` takes a checkpoint',
  ],
  [
    'a step that uses what comes of itself',
    using(given('source: "n=${{ steps.folds.identities }}"')),
    'folds | `folds` -> `folds`: the step needs itself',
  ],
];

describe('what is wrong with a step that uses a pipeline is told where it stands', () => {
  test.each(wrong)('%s', (_, text, ...problems) => {
    expect(told(text)).toEqual(problems);
  });

  test('and of params of the run under their names', () => {
    const text = using(given('source: x, size: "${{ params.size }}", label: "${{ params.label }}"')).replace(
      'params: {',
      'params: { label: { type: string, default: x },',
    );
    const pipelines = { parts: { text: parts, digest: '' } };
    const compiled = (params: Record<string, number | string>) =>
      compile({ text, digest: '' }, params, registry, pipelines);
    expect(compiled({ size: 8 })).toEqual({
      paramProblems: [{ param: 'size', message: '`size`: `size` of `parts` must be at least 16' }],
    });
    expect(compiled({ label: '' })).toEqual({
      paramProblems: [
        {
          param: 'label',
          message: '`label`: In `parts`, `label`: `label` of `evaluate` must have at least 1 character',
        },
      ],
    });
  });

  test('a value of the right type that no step within takes', () => {
    const rates = parts
      .replace('test: { type: integer, minimum: 1, default: 5 }', 'test: { type: number, default: 32 }')
      .replace('imageSize: "${{ params.size }}"', 'imageSize: "${{ params.test }}"');
    const text = using(
      given('source: x, test: "${{ steps.a.identities / 2 }}"'),
      '  a: { uses: ingest, with: { source: y } }\n',
    );
    expect(told(text, { parts: rates })).toEqual([
      '"${{ steps.a.identities / 2 }}" | `parts` does not take this: parts:9:82: `params.test` is a number, which `imageSize` of `ingest` does not take',
    ]);
  });
});

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
      '4:1 5 The steps would have 1600 instances; at most 1500 are possible in a run',
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
