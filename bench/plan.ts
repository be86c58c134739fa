// How long a large pipeline takes to be checked and compiled to its plan, in a process that is up.
import { availableParallelism } from 'node:os';
import { contracts } from '../activities/registry.ts';
import { readPipeline } from '../language/check.ts';
import { compile } from '../language/compile.ts';

const rounds = 15;

/** Trainings with their models and reports, between a data set and a table: as many steps as are wanted. */
function pipelineOf(steps: number): string {
  const groups = Math.floor((steps - 4) / 3);
  const ids = Array.from({ length: groups }, (_, group) => group + 1);
  const trained = ids.map(
    (id) => `
  train-${id}: { uses: train, with: { index: "\${{ steps.people.index }}", seed: ${id}, images: "\${{ params.images }}" } }
  model-${id}: { uses: export, with: { checkpoint: "\${{ steps.train-${id}.checkpoint }}" } }
  report-${id}: { uses: evaluate, with: { index: "\${{ steps.people.index }}", model: "\${{ steps.model-${id}.model }}", label: "${id}" } }`,
  );
  const reports = ids.map((id) => `"\${{ steps.report-${id}.report }}"`);
  return `name: large
summary: Many trainings
params:
  images: { type: integer, default: 20000 }
steps:
  faces: { uses: ingest, with: { source: "sample:att-faces" } }
  people: { uses: index, with: { dataset: "\${{ steps.faces.dataset }}", test: 10 } }${trained.join('')}
  pixels: { uses: evaluate, with: { index: "\${{ steps.people.index }}", embedding: pixels, label: pixels } }
  table: { uses: compare, with: { reports: ["\${{ steps.pixels.report }}", ${reports.join(', ')}] } }
`;
}

interface Timed {
  first: number;
  median: number;
}

function timed(work: () => void): Timed {
  const times = Array.from({ length: rounds }, () => {
    const startedAt = performance.now();
    work();
    return performance.now() - startedAt;
  });
  const sorted = times.toSorted((a, b) => a - b);
  return { first: times[0] ?? 0, median: sorted[Math.floor(rounds / 2)] ?? 0 };
}

function planOf(text: string) {
  const compiled = compile({ text, digest: '' }, {}, contracts);
  if ('plan' in compiled) return compiled.plan;
  throw new Error(JSON.stringify(compiled).slice(0, 500));
}

// What a process does once, it has done with the first small file.
planOf(pipelineOf(7));
console.log('Steps  validate, first / median   plan, first / median   plan as JSON');
const cell = ({ first, median }: Timed) => `${first.toFixed(0)} / ${median.toFixed(0)} ms`;
const figures: Record<string, number> = {};
for (const steps of [10, 100, 1_000]) {
  const text = pipelineOf(steps);
  const validate = timed(() => {
    if ('problems' in readPipeline(text, contracts)) throw new Error('the pipeline is not valid');
  });
  const plan = timed(() => void planOf(text));
  const { length } = planOf(text).steps;
  const size = Buffer.byteLength(JSON.stringify(planOf(text)));
  console.log(
    `${String(length).padStart(5)}  ${cell(validate).padStart(24)}   ${cell(plan).padStart(20)}   ${(size / 1024).toFixed(0)} KiB`,
  );
  Object.assign(figures, {
    steps: length,
    validateMs: validate.median,
    planFirstMs: plan.first,
    planMs: plan.median,
  });
}
const rounded = Object.fromEntries(
  Object.entries(figures).map(([name, value]) => [name, Math.round(value * 10) / 10]),
);
const machine = { cores: availableParallelism(), processor: process.arch, node: process.version };
console.log(JSON.stringify({ bench: 'plan', machine, ratios: {}, figures: rounded }));
