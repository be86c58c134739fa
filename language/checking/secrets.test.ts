import { describe, expect, test } from 'vitest';
import { readPipeline } from '../check.ts';
import { fillParams } from '../grammar/params.ts';
import { header, planOf, problemsOf, registry } from '../testing.ts';
import { renderProblems } from '../text/problems.ts';

const hook = (param = '{ type: secret }') => `params:\n  hook: ${param}\n`;
const told = (params: string, more = '') =>
  `${header}${hook()}steps:\n  told: { uses: notify, with: { ${params} }${more} }\n`;
const url = 'url: "${{ secrets.HOOK }}"';

describe('secrets', () => {
  test('stay names in the plan, also inside a text, and a step may have no others', () => {
    const headers = '{ Authorization: "Bearer ${{ secrets.TOKEN }}, ${{secrets.B}}", X: plain }';
    const plan = planOf(told(`url: "\${{ params.hook }}", headers: ${headers}, message: x`), {
      hook: 'SLACK',
    });
    expect(plan.params).toEqual({ hook: 'SLACK' });
    expect(plan.steps[0]).toMatchObject({
      effect: true,
      secrets: ['B', 'SLACK', 'TOKEN'],
      with: {
        url: { literal: '${{ secrets.SLACK }}' },
        headers: {
          literal: { Authorization: 'Bearer ${{ secrets.TOKEN }}, ${{ secrets.B }}', X: 'plain' },
        },
      },
    });
  });

  test('a plan without them says nothing of them', () => {
    const plan = planOf(`${header}steps:\n  told: { uses: notify, with: { url: "http://x", message: x } }\n`);
    expect(plan.steps[0]).not.toHaveProperty('secrets');
  });

  const elsewhere = (name: string) =>
    `\`${name}\` cannot stand here, where everybody could read its value: \`notify\` takes secrets in \`url\` and \`headers\` alone`;
  test.each([
    [`${url}, message: "a \${{ secrets.T }}"`, `6:77 9 ${elsewhere('secrets.T')}`],
    [`${url}, message: "a \${{ params.hook }}"`, `6:77 11 ${elsewhere('params.hook')}`],
    [
      'url: "http://x", message: "${{ secrets.T == \'x\' }}"',
      '6:64 9 `secrets.T` is a secret, whose value only the worker of a step knows',
    ],
    [
      'url: "${{ true ? params.hook : 2 }}", message: x',
      '6:50 11 `params.hook` is a secret, whose value only the worker of a step knows',
    ],
    [
      'url: "${{ secrets.token }}", message: x',
      '6:51 5 Secrets have names of capital letters, digits and _, such as SLACK_HOOK',
    ],
    ['url: "${{ secrets.A.B }}", message: x', '6:43 11 `secrets.A.B` is not a reference'],
    [
      'url: ftp://x, message: x',
      '6:38 7 `url` of `notify` must be an address that begins with http:// or https://',
    ],
    [
      `${url}, message: x, headers: { "a b": x }`,
      '6:84 5 `a b` of `notify` must be the name of a header, such as Authorization',
    ],
  ])('%s', (params, problem) => {
    expect(problemsOf(told(params)).map((each) => each.slice(0, problem.length))).toEqual([problem]);
  });

  test('are refused in other step kinds, in inputs and in `when`', () => {
    const steps = `  a: { uses: ingest, with: { source: "s3://\${{ secrets.T }}" } }
  b: { uses: index, with: { dataset: "\${{ secrets.T }}" } }
  c: { uses: ingest, with: { source: x }, when: "\${{ secrets.T }}" }
`;
    expect(problemsOf(`${header}steps:\n${steps}`)).toEqual([
      '4:48 9 `secrets.T` cannot stand here, where everybody could read its value: `ingest` takes no secrets',
      '5:43 9 `secrets.T` is a secret, but `dataset` of `index` takes a dataset',
      '6:49 18 `when` must be an expression that is true or false, not a secret',
    ]);
  });
});

describe('a param of the type secret', () => {
  const value = 'https://hooks.example/T0/hidden';
  const hint = '`hook` must be the name of a secret, such as SLACK_HOOK, and never its value';

  test.each([[value], [123456], [true], [null], [['hidden']], ['lower_case'], ['']])(
    'is a name; %j is refused and not repeated',
    (given) => {
      const { problems } = fillParams({ hook: { type: 'secret' } }, { hook: given });
      expect(problems).toEqual([{ param: 'hook', message: hint }]);
    },
  );

  test.each([
    [hook(`{ type: secret, default: "${value}" }`), '4:34 33 `default`'],
    [hook('{ type: secret, default: 123456 }'), '4:34 6 `default`'],
    [`${hook()}schedule: { cron: "0 3 * * 0", params: { hook: "${value}" } }\n`, '5:48 33 `hook`'],
  ])('a value in the file is refused at its place, and its line is not shown: %s', (params, problem) => {
    const text = `${header}${params}steps:\n  told: { uses: notify, with: { url: "\${{ params.hook }}", message: x } }\n`;
    const read = readPipeline(text, registry);
    if (!('problems' in read)) throw new Error('no problems');
    const [{ line, column, length, message }] = read.problems as [(typeof read.problems)[0]];
    expect(`${line}:${column} ${length} ${message}`).toBe(`${problem} ${hint.replace('`hook` ', '')}`);
    const shown = renderProblems(read.problems, { text });
    expect(shown).not.toMatch(/hidden|123456/);
  });

  test('is asked for by every run', () => {
    expect(fillParams({ hook: { type: 'secret', title: 'Chat' } }, {}).problems).toEqual([
      { param: 'hook', message: '`hook` is missing: the name of a secret (Chat)' },
    ]);
  });

  test('a string cannot be one in disguise', () => {
    const given = { text: 'https://evil/${{secrets.T}}' };
    expect(fillParams({ text: { type: 'string' } }, given).problems).toEqual([
      { param: 'text', message: '`text` must not name a secret; `type: secret` is for those' },
    ]);
  });
});

describe('the params of a used pipeline', () => {
  const tell = `name: tell
summary: Tells something
params: { hook: { type: secret }, text: { type: string, default: x } }
steps:
  told: { uses: notify, with: { url: "\${{ params.hook }}", message: "\${{ params.text }}" } }
`;
  const using = (params: string) =>
    `${header}${hook()}steps:\n  sub: { uses: pipeline, with: { pipeline: tell, params: { ${params} } } }\n`;

  test.each(['"${{ params.hook }}"', '"${{ secrets.CHAT }}"', 'CHAT'])('take a secret from %s', (given) => {
    const text = using(`hook: ${given}`);
    expect(problemsOf(text, { tell })).toEqual([]);
    const [step] = planOf(text, { hook: 'CHAT' }, { tell }).steps;
    expect(step).toMatchObject({
      id: 'sub.told',
      secrets: ['CHAT'],
      with: { url: { literal: '${{ secrets.CHAT }}' } },
    });
  });

  const cannot = 'cannot stand here: ';
  test.each([
    [
      'hook: "a ${{ secrets.X }}"',
      `secrets.X\` ${cannot}\`hook\` of \`tell\` takes one secret, without a text around it`,
    ],
    [
      'hook: X, text: "${{ params.hook }}"',
      `params.hook\` ${cannot}\`text\` of \`tell\` is not of the type \`secret\``,
    ],
  ])('refuse %s', (params, message) => {
    expect(problemsOf(using(params), { tell }).join('\n')).toContain(message);
  });

  test('are no place for a value, which is not repeated', () => {
    const text = using('hook: "https://hooks.example/hidden"');
    const read = readPipeline(text, registry, { tell: { text: tell, digest: 'd' } });
    if (!('problems' in read)) throw new Error('no problems');
    expect(read.problems).toMatchObject([
      { line: 6, hidden: true, message: expect.stringContaining('never its value') },
    ]);
    expect(renderProblems(read.problems, { text })).not.toContain('hidden');
  });
});
