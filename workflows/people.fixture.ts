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

/** What became of the steps: id, status, and why where one was skipped. */
export function outcomes({ steps }: RunState): unknown[] {
  return steps.map(({ id, status, reason }) => (reason === undefined ? [id, status] : [id, status, reason]));
}
