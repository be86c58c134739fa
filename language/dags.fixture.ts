/** For the property tests: pipelines of any form. */
import fc from 'fast-check';
import { header } from './testing.ts';

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
export function combinationsOf(steps: DrawnStep[], index: number): Combination[] {
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

/** Any graph of steps without circles, and its pipeline. */
export const dag = drawnSteps.chain((steps) =>
  fc
    .shuffledSubarray(
      steps.map((_, index) => index),
      { minLength: steps.length, maxLength: steps.length },
    )
    .map((order) => ({ steps, text: yamlOf(steps, order) })),
);
