import type { StepRegistry } from '../contract/step.ts';
import { maxSteps, type PipelineDraft, readDraft, type StepDraft } from '../grammar/draft.ts';
import { fillParams, type ParamDefinition } from '../grammar/params.ts';
import { usesPipeline } from '../grammar/uses.ts';
import type { Frame } from '../references/frame.ts';
import type { Library, Trail, UsedPipeline } from '../references/library.ts';
import { checkOutputs, type Outputs } from '../references/outputs.ts';
import type { Scope } from '../references/scope.ts';
import { Findings } from '../text/findings.ts';
import type { JsonObject } from '../text/json.ts';
import type { ParsedYaml } from '../text/parse.ts';
import type { ParamProblem, Problem } from '../text/problems.ts';
import { checkTotal, findAxes } from './axes.ts';
import { findCircles, type Needs, topologicalOrder } from './order.ts';
import { type CheckedStep, checkStep } from './steps.ts';
import { type CheckWithin, checkSubPipeline, findUsed } from './subpipelines.ts';
import type { KnownParams } from './values.ts';

/** What a file is checked with beside itself. */
export interface Surroundings {
  registry: StepRegistry;
  library: Library;
  frame: Frame;
  trail: Trail;
}

/** All that was found out of a file. Without problems it is complete. */
export interface CheckedFile {
  draft: PipelineDraft | undefined;
  problems: Problem[];
  paramProblems: ParamProblem[];
  params: Record<string, ParamDefinition>;
  values: JsonObject;
  /** In topological order, with those of the pipelines that it uses. */
  steps: CheckedStep[];
  outputs: Outputs;
  /** How many pipelines deep those lie that it uses. */
  height: number;
}

const nothing = {
  problems: [],
  paramProblems: [],
  params: {},
  values: {},
  steps: [],
  outputs: {},
  height: 0,
};

/** Checks a file with params as a run is given them, or with those that are known of a used pipeline. */
export function checkFile(
  yaml: ParsedYaml,
  asked: { params: JsonObject } | { known: KnownParams },
  surroundings: Surroundings,
): CheckedFile {
  const { registry, library, frame, trail } = surroundings;
  const findings = new Findings(yaml);
  const draft = yaml.value === undefined ? undefined : readDraft(yaml.value, findings);
  if (draft === undefined) return { ...nothing, draft, problems: findings.inOrder() };

  const params = definitionsOf(draft);
  const filled = 'params' in asked ? fillParams(params, asked.params) : undefined;
  const paramProblems = filled?.problems ?? [];
  const known =
    'known' in asked
      ? asked.known
      : { values: filled?.values ?? {}, given: new Set(Object.keys(asked.params)) };
  const ofAxes = { definitions: draft.params, known, given: frame.given, problems: paramProblems };
  const axes = findAxes(draft, ofAxes, findings);
  const used = findUsed({ draft }, library, trail, findings);
  const scope = { draft, axes, registry, frame, used };
  const possible = isPossible(draft, used, findings);
  const within: CheckWithin = ({ name, text, yaml }, values, inner) => {
    if (!possible) return nothing;
    const around = { registry, library, frame: inner, trail: [...trail, { name, text }] };
    return checkFile(yaml, { known: values }, around);
  };
  const steps = new Map<StepDraft, CheckedStep[]>();
  const needs = new Map<string, Set<string>>();
  for (const step of stepsWithin(draft, frame)) {
    const found = checkEither({ ...scope, step }, known, findings, paramProblems, within);
    needs.set(step.id, found.needs);
    steps.set(step, found.checked);
  }
  const outputs = checkOutputs(scope, findings);
  checkSchedule(draft, params, findings);
  const order = topologicalOrder([...draft.steps.values()], needs);
  if (order === undefined) reportCircles(draft, needs, findings);
  const inOrder = (order ?? []).flatMap((step) => steps.get(step) ?? []);
  if (frame.prefix === '' && used.size > 0)
    checkTotal(
      inOrder.map((step) => step.grid),
      findings,
    );
  return {
    draft,
    problems: findings.inOrder(),
    paramProblems,
    params,
    values: known.values,
    steps: inOrder,
    outputs,
    height: Math.max(0, ...[...used.values()].map((pipeline) => pipeline.height + 1)),
  };
}

/** A pipeline that another one uses runs without its `always`: what it is part of has not ended yet. */
function stepsWithin({ steps }: PipelineDraft, { prefix }: Frame): StepDraft[] {
  return [...steps.values()].filter(({ always }) => prefix === '' || !always);
}

/** Checks a step that works itself, or one that uses a pipeline. */
function checkEither(
  scope: Scope,
  known: KnownParams,
  findings: Findings,
  paramProblems: ParamProblem[],
  within: CheckWithin,
): { needs: Set<string>; checked: CheckedStep[] } {
  if (usesPipeline(scope.step)) return checkSubPipeline(scope, known, findings, paramProblems, within);
  const { needs, checked } = checkStep(scope, known, findings, paramProblems);
  return { needs, checked: checked === undefined ? [] : [checked] };
}

/**
 * Whether the steps are not too many with those of the pipelines that are used. Counted before any of those are
 * checked in their places: pipelines that use each other ten times each soon have more than a computer can hold.
 */
function isPossible(
  draft: PipelineDraft,
  used: ReadonlyMap<string, UsedPipeline>,
  findings: Findings,
): boolean {
  const steps = [...draft.steps.keys()].reduce((sum, id) => sum + (used.get(id)?.steps ?? 1), 0);
  if (used.size === 0 || steps <= maxSteps) return true;
  const message = `The pipeline has ${steps} steps with those of the pipelines that it uses; at most ${maxSteps} are possible`;
  findings.atKey(['steps'], message);
  return false;
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
    if (params[param]?.type === 'secret') findings.hide(path);
    if (!isThere) findings.atKey(['schedule'], `In \`params\` of the schedule, ${message}`);
    else if (Object.hasOwn(params, param)) findings.atValue(path, message, suggestion);
    else findings.atKey(path, message, suggestion);
  }
}
