import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPipeline } from './check.ts';
import { compile } from './compile.ts';
import { renderProblems } from './problems.ts';
import { instancesOf, needsOf, resolveWith } from './resolve.ts';
import { header, planOf, registry } from './testing.ts';

/** A number for every step; step i may only look at steps before it, so there are no circles. */
interface DrawnStep {
  needs: number[];
  family: number | undefined;
  /** How many values its two axes have; one without values is none. */
  axes: [number, number];
  /** What may be taken from their combinations: values of the axes, of which an entry may name one. */
  excludes: [number | undefined, number | undefined][];
  /** How many combinations are included. */
  includes: number;
  gathers: number[];
}

const drawnSteps: fc.Arbitrary<DrawnStep[]> = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(20), { maxLength: 3 }),
      family: fc.option(fc.nat(20), { nil: undefined }),
      axes: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })),
      excludes: fc.array(
        fc.tuple(fc.option(fc.nat(1), { nil: undefined }), fc.option(fc.nat(1), { nil: undefined })),
        {
          maxLength: 2,
        },
      ),
      includes: fc.nat(2),
      gathers: fc.array(fc.nat(20), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((steps) =>
    steps.map(({ needs, family, gathers, ...matrix }, index) => ({
      ...matrix,
      needs: index === 0 ? [] : needs.map((need) => need % index),
      family: index === 0 || family === undefined ? undefined : family % index,
      gathers: index === 0 ? [] : gathers.map((gather) => gather % index),
    })),
  );

type Combination = Record<string, number>;

/** The matrix of a drawn step and, worked out one by one, the combinations that it means. */
function matrixOf(
  { axes, excludes, includes }: DrawnStep,
  index: number,
): { text: string; means: Combination[] } {
  const names = ['a', 'b'].map((name) => `${name}${index}`);
  const used = names.flatMap((name, axis) =>
    axes[axis] === 0 ? [] : [{ name, count: axes[axis] ?? 0, axis }],
  );
  let means = used.reduce<Combination[]>(
    (sofar, { name, count }) =>
      sofar.flatMap((at) => Array.from({ length: count }, (_, value) => ({ ...at, [name]: value }))),
    [{}],
  );
  const listed = used.map(({ name, count }) => `${name}: [${[0, 1].slice(0, count).join(', ')}]`);
  const exclude: Combination[] = [];
  for (const drawn of excludes) {
    const entry = Object.fromEntries(
      used.flatMap(({ name, count, axis }) =>
        drawn[axis] === undefined ? [] : [[name, drawn[axis] % count]],
      ),
    );
    const left = means.filter((at) => Object.entries(entry).some(([name, value]) => at[name] !== value));
    if (left.length === 0 || left.length === means.length) continue;
    means = left;
    exclude.push(entry);
  }
  const include = Array.from({ length: used.length === 0 ? 0 : includes }, (_, entry) =>
    Object.fromEntries(used.map(({ name }, axis) => [name, axis === 0 ? 5 + entry : 0])),
  );
  const own = Object.entries({ exclude, include }).filter(([, entries]) => entries.length > 0);
  const text = [...listed, ...own.map(([key, entries]) => `${key}: ${JSON.stringify(entries)}`)].join(', ');
  return { text: text === '' ? '' : `{ ${text} }`, means: [...means, ...include] };
}

/** What a step's instances are told apart by: for every instance of its family, all that its matrix means. */
function combinationsOf(steps: DrawnStep[], index: number): Combination[] {
  const step = steps[index];
  if (step === undefined) return [];
  const family = step.family === undefined ? [{}] : combinationsOf(steps, step.family);
  return family.flatMap((at) => matrixOf(step, index).means.map((own) => ({ ...at, ...own })));
}

/** Every step is a `compare`, whose list takes reports of all others. The first one makes a report of nothing. */
function yamlOf(steps: DrawnStep[], order: number[]): string {
  const entries = order.map((index) => {
    const step = steps[index] as DrawnStep;
    const { needs, family, gathers } = step;
    const reports = [
      'root',
      ...gathers.map((gather) => `s${gather}.*`),
      ...(family === undefined ? [] : [`s${family}`]),
    ];
    const matrix = matrixOf(step, index).text;
    return [
      `  s${index}:`,
      '    uses: compare',
      `    needs: [${needs.map((need) => `s${need}`).join(', ')}]`,
      ...(family === undefined ? [] : [`    each: s${family}`]),
      ...(matrix === '' ? [] : [`    matrix: ${matrix}`]),
      '    with:',
      `      reports: [${reports.map((report) => `"\${{ steps.${report}.report }}"`).join(', ')}]`,
    ].join('\n');
  });
  const root =
    '  faces: { uses: ingest, with: { source: x } }\n  people: { uses: index, with: { dataset: "${{ steps.faces.dataset }}" } }\n  root: { uses: evaluate, with: { index: "${{ steps.people.index }}", label: x } }';
  return `${header}steps:\n${entries.join('\n')}\n${root}\n`;
}

const dag = drawnSteps.chain((steps) =>
  fc
    .shuffledSubarray(
      steps.map((_, index) => index),
      { minLength: steps.length, maxLength: steps.length },
    )
    .map((order) => ({ steps, text: yamlOf(steps, order) })),
);

test('any graph without circles gives a plan in which every instance finds what it needs done before it', () => {
  fc.assert(
    fc.property(dag, ({ steps, text }) => {
      const plan = planOf(text);
      expect(plan.steps).toHaveLength(steps.length + 3);
      const done = new Set<string>();
      for (const step of plan.steps) {
        const instances = instancesOf(plan, step.id);
        if (/^s\d$/.test(step.id)) {
          const meant = combinationsOf(steps, Number(step.id.slice(1)));
          expect(instances.map(({ coordinates }) => coordinates)).toEqual(meant);
        }
        for (const instance of instances) {
          const needs = needsOf(plan, instance).flatMap(({ ids }) => ids);
          expect(needs.every((id) => done.has(id))).toBe(true);
          const asked = new Set<string>();
          resolveWith(plan, instance, (id) => {
            asked.add(id);
            return { artifact: { kind: 'report', key: id, digest: id }, metrics: {} };
          });
          expect([...asked].every((id) => needs.includes(id))).toBe(true);
        }
        for (const { id } of instances) {
          expect(done.has(id)).toBe(false);
          done.add(id);
        }
      }
    }),
    { numRuns: 100, seed: 1 },
  );
});

test('a circle is always found', () => {
  fc.assert(
    fc.property(dag, fc.nat(20), ({ steps, text }, drawn) => {
      const from = drawn % steps.length;
      // The step that everything needs is made to need one of them.
      const broken = text.replace('root: { uses: evaluate,', `root: { uses: evaluate, needs: [s${from}],`);
      const read = readPipeline(broken, registry);
      expect('problems' in read && read.problems.map(({ message }) => message)).toEqual([
        expect.stringContaining('Steps need each other in a circle'),
      ]);
    }),
    { numRuns: 100, seed: 2 },
  );
});

/** Text that is YAML more often than not, built from what pipelines are made of. */
const pipelineLike = fc
  .array(
    fc.tuple(
      fc.nat(4),
      fc.oneof(
        fc.constantFrom(
          'name: x',
          'summary: y',
          'steps:',
          'params:',
          'schedule:',
          'a:',
          'uses: train',
          'with:',
          'matrix:',
          'each: a',
          'exclude: [{ a: 1 }]',
          'include: [{ a: 1, b: x }, { a: [] }]',
          'matrix: { a: [1, 2], exclude: [{ a: 2 }], include: [{ a: 3 }] }',
          'needs: [a]',
          'index: ${{ steps.a.index }}',
          'x: ${{ steps.a.*.b }}',
          'head: "${{ matrix.head }} ${{"',
          'type: enum',
          'values: []',
          'default: 1',
          'cron: "* * * * *"',
          '- *x',
          'k: &x [1, 2]',
          'retry: { attempts: 0 }',
          '<<: *x',
          '? : ?',
          'toString: 1',
          'constructor: { uses: constructor }',
          'timeout: 1d',
          '"": 1',
          '{ [',
          ': :',
          '!!map',
          '%YAML 1.1',
          '---',
        ),
        fc.string({ maxLength: 12 }),
        fc.string({ unit: 'binary', maxLength: 6 }),
      ),
    ),
    { maxLength: 25 },
  )
  .map((lines) => lines.map(([indent, line]) => `${'  '.repeat(indent)}${line}`).join('\n'));

test('no text makes the checker throw, and every problem can be shown', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        pipelineLike,
        pipelineLike.map((text) => `${header}steps:\n${text}`),
        fc.string({ unit: 'binary' }),
      ),
      (text) => {
        const compiled = compile({ text, digest: 'd' }, {}, registry);
        if (!('problems' in compiled)) return;
        expect(compiled.problems.length).toBeGreaterThan(0);
        const lines = text.split(/\r?\n/);
        for (const { line, column, length } of compiled.problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(length).toBeGreaterThanOrEqual(1);
        }
        expect(renderProblems(compiled.problems, { text })).toContain('  error  ');
      },
    ),
    { numRuns: 1000, seed: 3 },
  );
});
