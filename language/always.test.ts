import { describe, expect, test } from 'vitest';
import { readPipeline } from './check.ts';
import { pipelineSchema } from './docs/schema.ts';
import { instancesOfRun, isWanted, resolveWith } from './plan/resolve.ts';
import { select } from './plan/selection.ts';
import { header, planOf, problemsOf, registry } from './testing.ts';

const faces = '  faces: { uses: ingest, with: { source: x } }\n';
const url = 'url: "http://x"';
const told = (message: string, more = '') =>
  `${header}steps:\n${faces}always:\n  told: { uses: notify, with: { ${url}, message: "${message}" }${more} }\n`;

describe('always', () => {
  const text = `${header}always:
  after: { uses: notify, needs: [told], with: { ${url}, message: x } }
  told:
    uses: notify
    when: \${{ run.status != 'done' }}
    with: { ${url}, message: "\${{ run.pipeline }} \${{ run.id }} \${{ run.error }} \${{ steps.faces.identities }}" }
steps:
${faces}  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}" } }
`;

  test('is planned behind everything else, marked, with what is told of the run left open', () => {
    const { steps } = planOf(text);
    expect(steps.map(({ id, always, needs }) => [id, always, needs])).toEqual([
      ['faces', undefined, []],
      ['people', undefined, ['faces']],
      ['told', true, ['faces']],
      ['after', true, ['told']],
    ]);
    expect(steps[2]?.when).toEqual({
      written: "run.status != 'done'",
      value: { op: '!=', of: [{ ref: { from: 'run', fact: 'status' } }, { literal: 'done' }] },
    });
  });

  test('knows how the run ends, once it is told', () => {
    const plan = planOf(text);
    const instance = instancesOfRun(plan).find(({ id }) => id === 'told');
    if (instance === undefined) throw new Error('no instance');
    const facts = { status: 'failed', id: 'run-1', pipeline: 'example', error: 'it broke' };
    const made = () => ({
      artifact: { kind: 'dataset' as const, key: 'k', digest: 'd' },
      metrics: { identities: 4 },
    });
    expect(isWanted(plan, instance, made, undefined, (fact) => facts[fact])).toBe(true);
    expect(isWanted(plan, instance, made, undefined, () => 'done')).toBe(false);
    expect(resolveWith(plan, instance, made, undefined, (fact) => facts[fact]).params.message).toBe(
      'example run-1 it broke 4',
    );
  });

  test('is left out by `only` unless it is named, and then with what it needs', () => {
    const ids = (only: string[]) => instancesOfRun(select(planOf(text), { only })).map(({ id }) => id);
    expect(ids(['people'])).toEqual(['faces', 'people']);
    expect(ids(['told'])).toEqual(['faces', 'told']);
    expect(ids([])).toEqual(['faces', 'people', 'told', 'after']);
  });

  test('may have a matrix, and instances for those of a step', () => {
    const plan = planOf(`${header}steps:
${faces}  people: { uses: index, matrix: { t: [1, 2] }, with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ matrix.t }}" } }
always:
  told: { uses: notify, each: people, matrix: { to: [a, b] }, with: { url: "http://\${{ matrix.to }}", message: "t \${{ matrix.t }}" } }
`);
    expect(
      instancesOfRun(plan)
        .filter(({ step }) => step.always)
        .map(({ id }) => id),
    ).toEqual(['told[t=1,to=a]', 'told[t=1,to=b]', 'told[t=2,to=a]', 'told[t=2,to=b]']);
  });

  test('of a pipeline that is used is left out', () => {
    const using = `${header}steps:\n  sub: { uses: pipeline, with: { pipeline: inner } }\n`;
    expect(planOf(using, {}, { inner: text }).steps.map(({ id }) => id)).toEqual(['sub.faces', 'sub.people']);
  });

  test('is part of the schema, without the keys that it does not have', () => {
    const { properties } = JSON.parse(pipelineSchema(registry));
    expect(properties.always.additionalProperties.allOf).toEqual([
      { $ref: '#/definitions/step' },
      { properties: { approve: false, onFailure: false, minSuccess: false } },
    ]);
  });
});

describe('what cannot be', () => {
  test.each([
    [told('x', ', approve: {}'), '6:66 7 `approve` is not a key of a step of `always`'],
    [told('x', ', onFailure: hold'), '6:66 9 `onFailure` is not a key of a step of `always`'],
    [told('x', ', minSuccess: 1'), '6:66 10 `minSuccess` is not a key of a step of `always`'],
    [told('x', ', neds: []'), '6:66 4 `neds` is not a key of a step of `always` [needs]'],
    [told('${{ run.statu }}'), '6:68 5 `run` has status, id, pipeline, error [status]'],
    [told('${{ steps.face.identities }}'), '6:70 4 There is no step `face` [faces]'],
    [told('x').replace('told:', 'faces:'), '6:3 5 There is a step `faces` in `steps` already'],
    [told('x').replace('told:', '1t:'), '6:3 2 `1t` cannot be the name of a step: up to 63 letters'],
    [told('x', ', needs: [told]'), '6:3 4 `told` -> `told`: the step needs itself'],
    [
      told('x', ', when: "${{ run.status }}"'),
      '6:72 19 `when` must be an expression that is true or false, not a string',
    ],
    [
      `${header}steps:\n${faces}always:\n  sub: { uses: pipeline, with: { pipeline: inner } }\n`,
      '6:16 8 A step of `always` does something itself and uses no other pipeline',
    ],
    [
      `${header}steps:\n  a: { uses: notify, with: { ${url}, message: "\${{ run.status }}" } }\n`,
      '4:61 3 `run.status` is known to steps of `always` alone',
    ],
    [
      told('x').replace('source: x', 'source: "${{ steps.told.status }}"'),
      '4:53 4 `told` is a step of `always`, which begins when all of `steps` have ended',
    ],
    [
      told('x').replace('faces: {', 'faces: { needs: [told],'),
      '4:20 4 `told` is a step of `always`, which begins when all of `steps` have ended',
    ],
  ])('%s', (text, problem) => {
    const read = problemsOf(text, { inner: told('x') });
    expect(read.map((each) => each.slice(0, problem.length))).toEqual([problem]);
  });

  test('`outputs` cannot name what is made at the end', () => {
    const text = `${told('x')}outputs: { status: "\${{ steps.told.status }}" }\n`;
    const read = readPipeline(text, registry);
    expect('problems' in read && read.problems[0]?.message).toContain('`told` is a step of `always`');
  });
});
