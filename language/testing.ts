/** For the tests of this folder: the shipped step kinds, and problems in a form that reads well in a test. */
import { compareStep } from '../activities/compare/contract.ts';
import { evaluateStep } from '../activities/evaluate/contract.ts';
import { exportStep } from '../activities/export/contract.ts';
import { indexStep } from '../activities/index/contract.ts';
import { ingestStep } from '../activities/ingest/contract.ts';
import { notifyStep } from '../activities/notify/contract.ts';
import { trainStep } from '../activities/train/contract.ts';
import { readPipeline } from './check.ts';
import { compile } from './compile.ts';
import type { StepRegistry } from './contract/step.ts';
import type { Plan } from './plan/plan.ts';
import type { JsonObject } from './text/json.ts';
import type { Pipelines } from './text/sources.ts';

export const registry: StepRegistry = {
  compare: compareStep,
  evaluate: evaluateStep,
  export: exportStep,
  index: indexStep,
  ingest: ingestStep,
  notify: notifyStep,
  train: trainStep,
};

export const header = 'name: example\nsummary: An example\n';

/** The problems of a text as `line:column length message [suggestion]`. */
export function problemsOf(text: string, used: Record<string, string> = {}): string[] {
  const read = readPipeline(text, registry, pipelinesOf(used));
  if (!('problems' in read)) return [];
  return read.problems.map(({ in: name, line, column, length, message, suggestion }) => {
    const hint = suggestion === undefined ? '' : ` [${suggestion}]`;
    return `${name === undefined ? '' : `${name}:`}${line}:${column} ${length} ${message}${hint}`;
  });
}

/** Pipelines that a text may use, by their names. */
function pipelinesOf(used: Record<string, string>): Pipelines {
  const sources = Object.entries(used).map(([name, text]) => [name, { text, digest: `digest of ${name}` }]);
  return Object.fromEntries(sources);
}

/** As `problemsOf`, for the text of `steps:` alone; lines count from the first step. */
export function stepProblems(steps: string): string[] {
  return problemsOf(`${header}steps:\n${steps}`).map((problem) =>
    problem.replace(/^\d+/, (line) => String(Number(line) - 3)),
  );
}

export function planOf(text: string, params: JsonObject = {}, used: Record<string, string> = {}): Plan {
  const compiled = compile({ text, digest: 'digest' }, params, registry, pipelinesOf(used));
  if (!('plan' in compiled)) throw new Error(JSON.stringify(compiled));
  return compiled.plan;
}
