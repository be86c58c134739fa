import { axisLabel } from './coordinates.ts';
import type { PipelineDraft, StepDraft } from './draft.ts';
import type { Findings } from './findings.ts';
import type { Axis } from './plan.ts';

/** More instances than one workflow should start at once. */
const maxInstances = 1000;

/** Of all steps together: a run is one workflow, and an instance takes about a dozen events of its history. */
const maxInstancesOfRun = 1500;

/**
 * The axes of every step: those of the step it is made for `each` of, then those of its own matrix.
 * Undefined for a step whose axes nobody can know because something else is wrong.
 */
export type AxesOfSteps = Map<string, Axis[] | undefined>;

export function findAxes(draft: PipelineDraft, findings: Findings): AxesOfSteps {
  const found: AxesOfSteps = new Map();
  for (const step of draft.steps.values()) visitStep(step, draft, found, findings);
  const total = [...found.values()].reduce((sum, axes) => sum + (axes === undefined ? 1 : countOf(axes)), 0);
  if (total > maxInstancesOfRun) {
    const message = `The steps would have ${total} instances; at most ${maxInstancesOfRun} are possible in a run`;
    findings.atKey(['steps'], message);
  }
  return found;
}

function visitStep(
  step: StepDraft,
  draft: PipelineDraft,
  found: AxesOfSteps,
  findings: Findings,
): Axis[] | undefined {
  if (found.has(step.id)) return found.get(step.id);
  // Stands here while the step is visited, so that a circle of `each` ends; the circle is reported elsewhere.
  found.set(step.id, undefined);
  const own = ownAxes(step, findings);
  const inherited = inheritedAxes(step, draft, found, findings);
  if (own === undefined || inherited === undefined) return undefined;
  const axes = [...inherited, ...own];
  if (hasClash(step, inherited, own, findings) || isTooMany(step, axes, findings)) return undefined;
  found.set(step.id, axes);
  return axes;
}

function inheritedAxes(
  step: StepDraft,
  draft: PipelineDraft,
  found: AxesOfSteps,
  findings: Findings,
): Axis[] | undefined {
  if (step.each === undefined) return [];
  const family = draft.steps.get(step.each);
  return family === undefined ? undefined : visitStep(family, draft, found, findings);
}

function ownAxes(step: StepDraft, findings: Findings): Axis[] | undefined {
  if (step.matrix === undefined) return undefined;
  const axes = Object.entries(step.matrix).map(([name, values]) => ({ name, origin: step.id, values }));
  return axes.map((axis) => checkAxis(axis, findings)).every(Boolean) ? axes : undefined;
}

/** False where a value is not plain, so that nobody knows what it stands for. */
function checkAxis(axis: Axis, findings: Findings): boolean {
  const path = ['steps', axis.origin, 'matrix', axis.name];
  const labels = new Set<string>();
  let plain = true;
  axis.values.forEach((value, index) => {
    const label = axisLabel(axis, value);
    if (JSON.stringify(value).includes('${{')) {
      findings.atValue([...path, index], 'A matrix holds plain values, not references');
      plain = false;
    } else if (labels.has(label)) {
      // Two values that look the same would give two instances the same id.
      findings.atValue([...path, index], `This value is given twice in the axis \`${axis.name}\``);
    }
    labels.add(label);
  });
  return plain;
}

function hasClash(step: StepDraft, inherited: Axis[], own: Axis[], findings: Findings): boolean {
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

function countOf(axes: Axis[]): number {
  return axes.reduce((product, axis) => product * axis.values.length, 1);
}

function isTooMany(step: StepDraft, axes: Axis[], findings: Findings): boolean {
  const count = countOf(axes);
  if (count <= maxInstances) return false;
  findings.atKey(
    ['steps', step.id, 'matrix'],
    `\`${step.id}\` would have ${count} instances; at most ${maxInstances} are possible`,
  );
  return true;
}
