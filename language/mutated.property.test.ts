import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { root } from '../local/paths.ts';
import { compile } from './compile.ts';
import { header, registry } from './testing.ts';
import { renderProblems } from './text/problems.ts';

const folder = join(root, 'pipelines');
const shipped = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => readFileSync(join(folder, name), 'utf8'));

/** Ten levels of ten aliases each: ten thousand million values, if somebody unfolds them. */
const bomb = Array.from({ length: 10 }, (_, level) =>
  level === 0 ? 'l0: &l0 [x]' : `l${level}: &l${level} [${`*l${level - 1}, `.repeat(10)}]`,
).join('\n');

/** What nobody writes, and what parsers choke on. */
const nasty: Record<string, string> = {
  bomb,
  'deep list': '['.repeat(5_000),
  'deep list that ends': `${'['.repeat(3_000)}${']'.repeat(3_000)}`,
  'deep map': '{ a: '.repeat(3_000),
  'deep blocks': Array.from({ length: 1_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
  'deep sequence': '- '.repeat(5_000),
  'huge number': `number: ${'9'.repeat(5_000)}`,
  'huge exponent': 'number: 1e99999',
  'hexadecimal, octal, not a number': 'a: [0xffffffffffffffffffff, 0o7777, .nan, -.inf]',
  'many brackets': `x: "\${{ ${'('.repeat(5_000)}1${')'.repeat(5_000)} }}"`,
  'many signs': `x: "\${{ ${'!'.repeat(20_000)}true }}"`,
  'many minuses': `x: "\${{ ${'- '.repeat(20_000)}1 }}"`,
  'long sum': `x: "\${{ ${'1 + '.repeat(20_000)}1 }}"`,
  'long choice': `x: "\${{ ${'true ? 1 : '.repeat(5_000)}1 }}"`,
  'many references': `x: "${'${{ params.a }}'.repeat(5_000)}"`,
  'open reference': `x: "${'${{ '.repeat(5_000)}"`,
  'long name': `${'n'.repeat(100_000)}: 1`,
  'long text': `summary: "${'é'.repeat(100_000)}"`,
  surrogates: 'a: "\ud800"\n\udfff: 1',
  'no characters': '\u0000: \u0007\u200b\ufeff\u2028',
  'right to left': '\u202ea: \u2066b\u2069',
  'itself in itself': 'a: &a [*a, { *a : *a }]',
  'large matrix': `    matrix: { a: [${'1, '.repeat(3_000)}], b: [${'2, '.repeat(3_000)}], c: [${'3, '.repeat(3_000)}] }`,
  'merge of itself': 'a: &m { <<: *m }',
  protos: '__proto__: { constructor: { prototype: 1 } }',
  tags: 'a: !!binary x\nb: !<tag:x> y\n%TAG ! tag:',
  'many documents': '---\n'.repeat(5_000),
};

function readable(text: string): void {
  const compiled = compile({ text, digest: 'd' }, {}, registry);
  if ('problems' in compiled) expect(renderProblems(compiled.problems, { text })).toContain('  error  ');
}

const places: Record<string, (part: string) => string> = {
  'instead of a file': (part) => part,
  'in the steps': (part) => `${header}steps:\n${part}`,
  'in a step': (part) => `${header}steps:\n  a:\n    uses: index\n${indented(part, 4)}`,
  'in a `with`': (part) => `${header}steps:\n  a:\n    uses: index\n    with:\n${indented(part, 6)}`,
  'in the params': (part) => `${header}params:\n${indented(part, 2)}\nsteps: {}`,
};

function indented(text: string, by: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(by));
}

test.each(Object.keys(nasty))(
  '%s is no trap, wherever it stands',
  (name) => {
    for (const place of Object.values(places)) readable(place(nasty[name] as string));
  },
  120_000,
);

/** Lines of shipped pipelines taken out, doubled, moved, indented or broken. */
const mutation = fc.record({
  at: fc.nat(),
  to: fc.nat(),
  how: fc.constantFrom('remove', 'double', 'move', 'indent', 'cut', 'insert', 'replace'),
  text: fc.oneof(fc.string({ unit: 'binary', maxLength: 8 }), fc.constantFrom(...'{}[]:-&*!|>%@`#\t,?\'"$')),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutated(text: string, { at, to, how, text: given }: Mutation): string {
  const lines = text.split('\n');
  const index = at % lines.length;
  const line = lines[index] ?? '';
  const place = to % (line.length + 1);
  if (how === 'remove') return lines.toSpliced(index, 1).join('\n');
  if (how === 'double') return lines.toSpliced(index, 0, line).join('\n');
  if (how === 'move')
    return lines
      .toSpliced(index, 1)
      .toSpliced(to % lines.length, 0, line)
      .join('\n');
  if (how === 'indent') return lines.with(index, `  ${line}`).join('\n');
  if (how === 'cut') return lines.with(index, line.slice(0, place)).join('\n');
  const after = how === 'insert' ? line.slice(place) : line.slice(place + 1);
  return lines.with(index, line.slice(0, place) + given + after).join('\n');
}

test('a shipped pipeline that was mangled is compiled or refused', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...shipped),
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      (text, mutations) => readable(mutations.reduce(mutated, text)),
    ),
    { numRuns: 300, seed: 4 },
  );
}, 120_000);
