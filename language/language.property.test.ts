import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPipeline } from './check.ts';
import { compile } from './compile.ts';
import { combinationsOf, dag } from './dags.fixture.ts';
import type { Plan } from './plan/plan.ts';
import { type Instance, instancesOf, needsOf, resolveWith } from './plan/resolve.ts';
import { header, planOf, registry } from './testing.ts';
import { renderProblems } from './text/problems.ts';

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
          'type: list',
          'items: number',
          'a: { type: list, items: { type: integer, minimum: 2 }, default: [1, x] }',
          'matrix: { a: "${{ params.a }}", exclude: [{ a: 2 }] }',
          'concurrency: 0',
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
          'uses: pipeline',
          'with: { pipeline: itself, params: { n: "${{ matrix.x }}" } }',
          'outputs: { x: "${{ steps.a.*.b }}", y: 3 }',
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
        const pipelines = { itself: { text, digest: 'd' } };
        const using = `${header}steps:\n  a: { uses: pipeline, matrix: { x: [1] }, with: { pipeline: itself } }\n`;
        compile({ text: using, digest: 'd' }, {}, registry, pipelines);
        const compiled = compile({ text, digest: 'd' }, {}, registry, pipelines);
        if (!('problems' in compiled)) return;
        expect(compiled.problems.length).toBeGreaterThan(0);
        const lines = text.split(/\r?\n/);
        for (const { line, column, length } of compiled.problems) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeGreaterThanOrEqual(1);
          expect(length).toBeGreaterThanOrEqual(1);
        }
        expect(renderProblems(compiled.problems, { text }, pipelines)).toContain('  error  ');
      },
    ),
    { numRuns: 1000, seed: 3 },
  );
});

test('a pipeline that is used asks for what it asks for by itself, once for every instance of the step that uses it', () => {
  fc.assert(
    fc.property(dag, ({ text }) => {
      const using = `${header}steps:\n  u: { uses: pipeline, matrix: { side: [a, b] }, with: { pipeline: p } }\n  after: { uses: ingest, needs: [u], with: { source: x } }\n`;
      const compiled = compile({ text: using, digest: 'd' }, {}, registry, { p: { text, digest: 'd' } });
      // Twice the instances may be too many.
      fc.pre('plan' in compiled);
      const alone = planOf(text);
      const [after, ...inner] = compiled.plan.steps
        .toReversed()
        .flatMap(({ id }) => instancesOf(compiled.plan, id));
      const whole = after === undefined ? [] : needsOf(compiled.plan, after).flatMap(({ ids }) => ids);
      expect(whole.toSorted()).toEqual(inner.map(({ id }) => id).toSorted());
      const asked = (plan: Plan, instance: Instance) =>
        JSON.stringify(
          resolveWith(plan, instance, (id) => ({
            artifact: { kind: 'report', key: id, digest: id },
            metrics: {},
          })),
        );
      const bare = (written: string) =>
        written.replaceAll(/\bu\.(\w+)\[side=[ab](?:,([^\]]*))?\]/g, (_, step, rest) =>
          rest === undefined ? step : `${step}[${rest}]`,
        );
      const known = new Map(
        alone.steps
          .flatMap(({ id }) => instancesOf(alone, id))
          .map((instance) => [instance.id, asked(alone, instance)]),
      );
      expect(inner).toHaveLength(2 * known.size);
      for (const instance of inner)
        expect(bare(asked(compiled.plan, instance))).toBe(known.get(bare(instance.id)));
    }),
    { numRuns: 50, seed: 4 },
  );
});
