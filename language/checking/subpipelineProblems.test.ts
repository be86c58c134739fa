import { describe, expect, test } from 'vitest';
import { compile } from '../compile.ts';
import { given, ingest, parts, used, using } from '../subpipelines.fixture.ts';
import { problemsOf, registry } from '../testing.ts';

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
