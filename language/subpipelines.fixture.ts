/** For the tests of pipelines that use others. */
import { header } from './testing.ts';

/** A pipeline to be used: it splits the faces by an axis of its own, and makes a table of all parts. */
export const parts = `name: parts
summary: Splits the faces and compares what comes of it
params:
  source: { type: string }
  size: { type: integer, minimum: 16, maximum: 512, default: 64 }
  test: { type: integer, minimum: 1, default: 5 }
  label: { type: string, default: pixels }
steps:
  faces: { uses: ingest, with: { source: "\${{ params.source }}", imageSize: "\${{ params.size }}" } }
  people:
    uses: index
    matrix: { seed: [1, 2] }
    with: { dataset: "\${{ steps.faces.dataset }}", test: "\${{ params.test * 2 }}", seed: "\${{ matrix.seed }}" }
  report:
    uses: evaluate
    each: people
    onFailure: continue
    with: { index: "\${{ steps.people.index }}", embedding: pixels, label: "\${{ params.label }}" }
  table: { uses: compare, with: { reports: "\${{ steps.report.*.report }}" } }
outputs:
  dataset: \${{ steps.faces.dataset }}
  identities: \${{ steps.faces.identities }}
  reports: \${{ steps.report.*.report }}
  accuracies: \${{ steps.report.*.accuracy }}
  best: \${{ steps.table.best }}
`;

export const used = { parts };

export const using = (settings: string, others = ''): string =>
  `${header}params: { size: { type: integer, default: 96 } }\nsteps:\n  folds: { uses: pipeline, ${settings} }\n${others}`;

export const given = (params: string): string => `with: { pipeline: parts, params: { ${params} } }`;

export const ingest = (source: string): string => `  a: { uses: ingest, with: { source: ${source} } }\n`;
