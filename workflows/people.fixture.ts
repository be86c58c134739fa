/** For the tests of this folder: images of six people, and a pipeline that splits them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { RunState } from './runTypes.ts';

/** A folder per person with three images each. */
export async function writePeople(folder: string): Promise<void> {
  for (const person of ['ann', 'bob', 'cyd', 'dan', 'eve', 'fay']) {
    await mkdir(join(folder, person), { recursive: true });
    for (let i = 0; i < 3; i++) {
      const background = { r: 60 * i, g: 2 * person.charCodeAt(0), b: 120 };
      const image = sharp({ create: { width: 40, height: 40, channels: 3, background } });
      await writeFile(join(folder, person, `${i}.png`), await image.png().toBuffer());
    }
  }
}

/** Splits the people by the axis `test`; one with 50 of them cannot be made. */
export function splitting(folder: string, settings: string): string {
  return `
name: flow
summary: Splits six people
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(folder)}, imageSize: 32 } }
  people:
    uses: index
    ${settings}
    with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ matrix.test }}" }
  report:
    uses: evaluate
    each: people
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: "\${{ matrix.test }} people" }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
`;
}

/**
 * Measures the same split very often: `many` has so many instances, of which the sixth fails, and `again` one for each.
 * Nothing is made twice, so an instance costs no more than a look into the store; but that of `made` has a label of its
 * own and is made.
 */
export function measuringOften(
  folder: string,
  count: number,
  { settings = 'minSuccess: 0.99', made = 0 }: { settings?: string; made?: number } = {},
): string {
  const values = Array.from({ length: count }, (_, index) => index + 1).join(', ');
  return `
name: often
summary: Measures the same very often
steps:
  faces: { uses: ingest, with: { source: ${JSON.stringify(folder)}, imageSize: 32 } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 2 } }
  base: { uses: evaluate, with: { index: "\${{ steps.people.index }}", embedding: pixels, label: all } }
  first: { uses: compare, with: { reports: ["\${{ steps.base.report }}"] } }
  many:
    uses: evaluate
    needs: [base]
    ${settings}
    matrix: { i: [${values}] }
    with:
      index: "\${{ steps.people.index }}"
      embedding: pixels
      label: "\${{ matrix.i == ${made} ? 'made' : 1 / (steps.faces.identities - matrix.i) > 9 ? 'other' : 'all' }}"
  again: { uses: compare, each: many, needs: [first], with: { reports: ["\${{ steps.many.report }}"] } }
  table: { uses: compare, with: { reports: "\${{ steps.many.*.report }}" } }
  late:
    uses: compare
    each: many
    needs: [table]
    when: "\${{ matrix.i <= 10 }}"
    with: { reports: ["\${{ steps.many.report }}"] }
  last:
    uses: compare
    with:
      reports: ["\${{ steps.base.report }}"]
      by: "\${{ length(steps.again.*.best) == ${count - 1} && mean(steps.late.*.best) >= 0 ? 'accuracy' : 'eer' }}"
`;
}

/** What became of the steps: id, status, and why where one was skipped. */
export function outcomes({ steps }: RunState): unknown[] {
  return steps.map(({ id, status, reason }) => (reason === undefined ? [id, status] : [id, status, reason]));
}
