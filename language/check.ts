import { findAxes } from './axes.ts';
import { type PipelineDraft, readDraft, type Schedule, type StepDraft } from './draft.ts';
import { Findings } from './findings.ts';
import type { JsonObject } from './json.ts';
import { findCircles, type Needs, topologicalOrder } from './order.ts';
import { fillParams, type ParamDefinition } from './params.ts';
import { parseYaml } from './parse.ts';
import { type ParamProblem, type Problem, withoutRepeats } from './problems.ts';
import type { StepRegistry } from './step.ts';
import { type CheckedStep, checkStep } from './steps.ts';
import type { KnownParams } from './values.ts';

/** What a pipeline file says about itself, for those who list, launch or schedule it. */
export interface Pipeline {
  name: string;
  summary: string;
  params: Record<string, ParamDefinition>;
  schedule?: Schedule;
}

interface CheckedPipeline extends Pipeline {
  /** Values of the params: given or default. */
  values: JsonObject;
  /** Runs that go on at a time. */
  concurrency?: number;
  /** In topological order. */
  steps: CheckedStep[];
}

export type Checked =
  | { pipeline: CheckedPipeline }
  | { problems: Problem[] }
  | { paramProblems: ParamProblem[] };

/**
 * Reads a pipeline file without running it: checked with the defaults of its params, and where a param has
 * none, by its type alone. Gives what the file says, or every problem of it.
 */
export function readPipeline(
  text: string,
  registry: StepRegistry,
): { pipeline: Pipeline } | { problems: Problem[] } {
  const checked = check(text, registry, undefined);
  if ('problems' in checked) return checked;
  if ('paramProblems' in checked) throw new Error('params have problems though none were given');
  const { name, summary, params, schedule } = checked.pipeline;
  return { pipeline: { name, summary, params, ...(schedule && { schedule }) } };
}

/** Checks a pipeline file, and the params of a run if there are some. Problems of the file come first. */
export function check(text: string, registry: StepRegistry, given: JsonObject | undefined): Checked {
  const yaml = parseYaml(text);
  if (yaml.value === undefined) return { problems: new Findings(yaml).inOrder() };
  const findings = new Findings(yaml);
  const draft = readDraft(yaml.value, findings);
  if (draft === undefined) return { problems: findings.inOrder() };

  const params = definitionsOf(draft);
  const { values, problems: paramProblems } = fillParams(params, given ?? {});
  const known: KnownParams = { values, given: new Set(Object.keys(given ?? {})) };
  const axes = findAxes(draft, findings);
  const steps = new Map<StepDraft, CheckedStep>();
  const needs = new Map<string, Set<string>>();
  for (const step of draft.steps.values()) {
    const found = checkStep({ step, draft, axes, registry }, known, findings, paramProblems);
    needs.set(step.id, found.needs);
    if (found.checked !== undefined) steps.set(step, found.checked);
  }
  checkSchedule(draft, params, findings);
  const order = topologicalOrder([...draft.steps.values()], needs);
  if (order === undefined) reportCircles(draft, needs, findings);

  const problems = findings.inOrder();
  if (problems.length > 0) return { problems };
  if (given !== undefined && paramProblems.length > 0) {
    return { paramProblems: withoutRepeats(paramProblems) };
  }
  return { pipeline: assemble(draft, params, values, order ?? [], steps) };
}

function assemble(
  draft: PipelineDraft,
  params: Record<string, ParamDefinition>,
  values: JsonObject,
  order: StepDraft[],
  checked: ReadonlyMap<StepDraft, CheckedStep>,
): CheckedPipeline {
  const { name, summary, concurrency, schedule } = draft;
  const steps = order.flatMap((step) => checked.get(step) ?? []);
  if (name === undefined || summary === undefined || steps.length !== draft.steps.size) {
    throw new Error('a pipeline without problems is not complete');
  }
  return {
    name,
    summary,
    params,
    values,
    steps,
    ...(concurrency !== undefined && { concurrency }),
    ...(schedule && { schedule }),
  };
}

function definitionsOf(draft: PipelineDraft): Record<string, ParamDefinition> {
  const definitions = [...draft.params].flatMap(([name, definition]) =>
    definition ? [[name, definition] as const] : [],
  );
  return Object.fromEntries(definitions);
}

function reportCircles(draft: PipelineDraft, needs: Needs, findings: Findings): void {
  for (const circle of findCircles([...draft.steps.values()], needs)) {
    const [first = ''] = circle;
    const names = circle.map((id) => `\`${id}\``).join(' -> ');
    findings.atKey(
      ['steps', first],
      circle.length === 2 ? `${names}: the step needs itself` : `Steps need each other in a circle: ${names}`,
    );
  }
}

/** A schedule that could not start its runs is a fault of the file. */
function checkSchedule(
  draft: PipelineDraft,
  params: Record<string, ParamDefinition>,
  findings: Findings,
): void {
  if (draft.schedule === undefined) return;
  for (const { param, message, suggestion } of fillParams(params, draft.schedule.params).problems) {
    const path = ['schedule', 'params', param];
    const isThere = Object.hasOwn(draft.schedule.params, param);
    if (!isThere) findings.atKey(['schedule'], `In \`params\` of the schedule, ${message}`);
    else if (Object.hasOwn(params, param)) findings.atValue(path, message, suggestion);
    else findings.atKey(path, message, suggestion);
  }
}
