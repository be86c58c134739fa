/** Random pipelines of `tally` steps, and what has to become of them, worked out one instance after the other. */
import fc from 'fast-check';

interface DagStep {
  id: string;
  /** Names of the axes, inherited ones first; the values of each are 0 and 1. */
  axes: string[];
  each?: string;
  /** Whose reports it adds up; gathered where it takes a list of them. */
  reads: { from: DagStep; gathered: boolean }[];
  needs: DagStep[];
  /** It is only wanted if this one has an even total. */
  when?: DagStep;
  number: number;
  millis: number;
  fails: 'never' | 'once' | 'afterCommit' | 'always';
  /** Of a matrix, only the instances with the value 0 on the last axis fail. */
  onFailure: 'fail' | 'continue';
}

export interface DagResult {
  status: 'done' | 'failed' | 'skipped';
  tolerated?: boolean;
  total?: number;
}

const seldom = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.nat(20) },
);

const drawnStep = fc.record({
  matrix: fc.boolean(),
  each: fc.option(fc.nat(20), { nil: undefined, freq: 2 }),
  reads: fc.array(fc.record({ at: fc.nat(20), gathered: fc.boolean() }), { maxLength: 3 }),
  needs: fc.array(fc.nat(20), { maxLength: 1 }),
  when: seldom,
  number: fc.nat(9),
  millis: fc.nat(80),
  fails: fc.constantFrom(
    'never',
    'never',
    'never',
    'never',
    'never',
    'never',
    'once',
    'afterCommit',
    'always',
  ),
  onFailure: fc.constantFrom('fail', 'continue', 'continue'),
});

/** Steps that look at earlier ones alone, so there are no circles. */
export const dags: fc.Arbitrary<DagStep[]> = fc
  .array(drawnStep, { minLength: 4, maxLength: 8 })
  .map((drawn) => {
    const steps: DagStep[] = [];
    for (const [index, { matrix, each, reads, needs, when, ...own }] of drawn.entries()) {
      const at = (place: number) => steps[place % Math.max(index, 1)];
      const family = each === undefined ? undefined : at(each);
      const inherited = family?.axes.length === 1 ? family.axes : [];
      const axes = matrix ? [...inherited, `a${index}`] : inherited;
      const isOne = (step: DagStep) => step.axes.every((axis) => axes.includes(axis));
      const read = new Map(
        reads.flatMap(({ at: place, gathered }) => {
          const from = at(place);
          return from === undefined ? [] : [[from.id, { from, gathered: gathered || !isOne(from) }] as const];
        }),
      );
      const condition = when === undefined ? undefined : at(when);
      steps.push({
        ...own,
        id: `s${index}`,
        axes,
        ...(family && inherited.length > 0 && { each: family.id }),
        reads: [...read.values()],
        needs: needs.flatMap((place) => at(place) ?? []),
        ...(condition && isOne(condition) && { when: condition }),
        number: 10 * index + own.number,
        fails: own.fails as DagStep['fails'],
        onFailure: own.onFailure as DagStep['onFailure'],
      });
    }
    return steps;
  });

export function yamlOf(steps: DagStep[], name: string, journal: string): string {
  return `name: ${name}\nsummary: Adds up at random\nsteps:\n${steps.map((step) => stepYaml(step, name, journal)).join('')}`;
}

function stepYaml(step: DagStep, salt: string, journal: string): string {
  const { id, axes, each, reads, needs, when, number, millis, fails, onFailure } = step;
  const reports = reads.map(
    ({ from, gathered }) => `"\${{ steps.${from.id}${gathered ? '.*' : ''}.report }}"`,
  );
  const own = axes.filter((axis) => axis === `a${id.slice(1)}`);
  const last = axes.at(-1);
  const lines = [
    `  ${id}:`,
    '    uses: tally',
    '    retry: { attempts: 2, backoff: 1s }',
    `    onFailure: ${onFailure}`,
    `    needs: [${needs.map((needed) => needed.id).join(', ')}]`,
    ...(each === undefined ? [] : [`    each: ${each}`]),
    ...own.map((axis) => `    matrix: { ${axis}: [0, 1] }`),
    ...(when === undefined ? [] : [`    when: "\${{ steps.${when.id}.total % 2 == 0 }}"`]),
    '    with:',
    `      number: "\${{ ${[number, ...axes.map((axis, place) => `${1_000 * 10 ** place} * matrix.${axis}`)].join(' + ')} }}"`,
    `      fails: ${last === undefined ? fails : `"\${{ matrix.${last} == 0 ? '${fails}' : 'never' }}"`}`,
    `      millis: ${millis}`,
    `      salt: ${salt}`,
    `      journal: ${JSON.stringify(journal)}`,
    ...(reports.length === 0 ? [] : [`      reports: [${reports.join(', ')}]`]),
  ];
  return `${lines.join('\n')}\n`;
}

type Place = Record<string, number>;

/** What becomes of every instance. Knows nothing of plans and workflows: it only reads the steps from the first on. */
export function resultsOf(steps: DagStep[]): Map<string, DagResult> {
  const results = new Map<string, DagResult>();
  const resultAt = (step: DagStep, place: Place) => results.get(idOf(step, place)) as DagResult;
  for (const step of steps) {
    for (const place of placesOf(step.axes)) {
      const agreeing = (other: DagStep) =>
        placesOf(other.axes)
          .filter((one) => Object.entries(one).every(([axis, value]) => (place[axis] ?? value) === value))
          .map((one) => resultAt(other, one));
      results.set(idOf(step, place), resultOf(step, place, agreeing));
    }
  }
  return results;

  function resultOf(step: DagStep, place: Place, agreeing: (other: DagStep) => DagResult[]): DagResult {
    const whole = [
      ...step.needs,
      ...(step.when ? [step.when] : []),
      ...steps.filter(({ id }) => id === step.each),
    ];
    const missing = whole.flatMap(agreeing).filter(({ status }) => status !== 'done');
    for (const { from, gathered } of step.reads) {
      const others = agreeing(from);
      const absent = others.filter(({ status }) => status !== 'done');
      const enough = gathered && absent.length < others.length && absent.every(({ tolerated }) => tolerated);
      if (!enough) missing.push(...absent);
    }
    if (missing.length > 0)
      return { status: 'skipped', tolerated: missing.every(({ tolerated }) => tolerated === true) };
    if (step.when && (agreeing(step.when)[0]?.total ?? 0) % 2 !== 0)
      return { status: 'skipped', tolerated: true };
    const last = step.axes.at(-1);
    if (step.fails === 'always' && (last === undefined || place[last] === 0))
      return { status: 'failed', tolerated: step.onFailure === 'continue' };
    const own = step.axes.reduce((sum, axis, at) => sum + 1_000 * 10 ** at * (place[axis] ?? 0), step.number);
    const read = step.reads.flatMap(({ from }) => agreeing(from)).map(({ total = 0 }) => total);
    return { status: 'done', total: read.reduce((sum, total) => sum + total, own) };
  }
}

function placesOf(axes: string[]): Place[] {
  return axes.reduce<Place[]>(
    (places, axis) => places.flatMap((place) => [0, 1].map((value) => ({ ...place, [axis]: value }))),
    [{}],
  );
}

function idOf({ id, axes }: DagStep, place: Place): string {
  return axes.length === 0 ? id : `${id}[${axes.map((axis) => `${axis}=${place[axis]}`).join(',')}]`;
}
