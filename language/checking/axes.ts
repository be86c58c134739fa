import type { PipelineDraft, StepDraft } from '../grammar/draft.ts';
import { usesPipeline } from '../grammar/uses.ts';
import { countOf, type Grid } from '../plan/coordinates.ts';
import { largestWhole } from '../plan/fanOut.ts';
import type { Axis } from '../plan/plan.ts';
import type { AxesOfSteps } from '../references/scope.ts';
import type { Findings } from '../text/findings.ts';
import { checkMatrix } from './matrix.ts';
import type { AxisParams } from './paramAxes.ts';

/** Above this a plan or a list of what was made would be larger than anybody handles at once. */
const maxInstances = 100_000;

/**
 * Of all steps together that are not run by slices: a run is one workflow, and an instance takes about a dozen
 * events of its history.
 */
const maxInstancesOfRun = 1500;

export function findAxes(draft: PipelineDraft, params: AxisParams, findings: Findings): AxesOfSteps {
  const found: AxesOfSteps = new Map();
  for (const step of draft.steps.values()) visitStep(step, { draft, params }, found, findings);
  // Where other pipelines are used, the steps of those count as well, and are counted later.
  if (![...draft.steps.values()].some(usesPipeline)) checkTotal([...found.values()], findings);
  return found;
}

/** Checks the number of instances of all steps together. */
export function checkTotal(grids: readonly (Grid | undefined)[], findings: Findings): void {
  const counts = grids.map((grid) => (grid === undefined ? 1 : countOf(grid)));
  const total = counts.reduce((sum, count) => (count > largestWhole ? sum : sum + count), 0);
  const largest = Math.max(0, ...counts);
  if (largest > maxInstances) {
    const message = `A step would have ${largest} instances; at most ${maxInstances} are possible`;
    findings.atKey(['steps'], message);
  }
  if (total <= maxInstancesOfRun) return;
  const message =
    `The steps with at most ${largestWhole} instances would have ${total} together; ` +
    `at most ${maxInstancesOfRun} are possible in a run`;
  findings.atKey(['steps'], message);
}

function visitStep(
  step: StepDraft,
  file: { draft: PipelineDraft; params: AxisParams },
  found: AxesOfSteps,
  findings: Findings,
): Grid | undefined {
  if (found.has(step.id)) return found.get(step.id);
  // Stands here while the step is visited, so that a circle of `each` ends; the circle is reported elsewhere.
  found.set(step.id, undefined);
  const own =
    step.matrix === undefined ? undefined : checkMatrix(step.id, step.matrix, file.params, findings);
  const inherited = inheritedGrid(step, file, found, findings);
  if (own === undefined || inherited === undefined) return undefined;
  const grid = {
    axes: [...inherited.axes, ...own.axes],
    matrices: [...(inherited.matrices ?? []), ...(own.matrices ?? [])],
  };
  if (hasClash(step, inherited.axes, own.axes, findings) || isTooMany(step, grid, findings)) return undefined;
  found.set(step.id, grid);
  return grid;
}

function inheritedGrid(
  step: StepDraft,
  file: { draft: PipelineDraft; params: AxisParams },
  found: AxesOfSteps,
  findings: Findings,
): Grid | undefined {
  if (step.each === undefined) return { axes: [] };
  const family = file.draft.steps.get(step.each);
  return family === undefined ? undefined : visitStep(family, file, found, findings);
}

function hasClash(
  step: StepDraft,
  inherited: readonly Axis[],
  own: readonly Axis[],
  findings: Findings,
): boolean {
  const clashes = own.filter((axis) => inherited.some((other) => other.name === axis.name));
  for (const { name } of clashes) {
    const origin = inherited.find((axis) => axis.name === name)?.origin;
    findings.atKey(
      ['steps', step.id, 'matrix', name],
      `\`${step.id}\` has the axis \`${name}\` already, from \`${origin}\``,
    );
  }
  return clashes.length > 0;
}

function isTooMany(step: StepDraft, grid: Grid, findings: Findings): boolean {
  const count = countOf(grid);
  // Slices know nothing of how the run ends.
  const most = step.always ? largestWhole : maxInstances;
  if (count <= most) return false;
  findings.atKey(
    ['steps', step.id, 'matrix'],
    `\`${step.id}\` would have ${count} instances; at most ${most} are possible`,
  );
  return true;
}
