import { templateOf } from './bind.ts';
import { check } from './check.ts';
import { durationMs } from './duration.ts';
import type { JsonObject } from './json.ts';
import { own } from './own.ts';
import type { Plan, PlanApproval, PlanRetry, PlanStep, Template } from './plan.ts';
import type { ParamProblem, Problem, SourceText } from './problems.ts';
import { artifactOutput, type StepContract, type StepRegistry } from './step.ts';
import type { CheckedStep } from './steps.ts';

export interface PipelineSource extends SourceText {
  /** Digest under which the text is kept as a blob. */
  digest: string;
}

export type Compiled = { plan: Plan } | { problems: Problem[] } | { paramProblems: ParamProblem[] };

/** Compiles a pipeline and the params of a run to a plan, or says everything that is wrong with either. */
export function compile(source: PipelineSource, params: JsonObject, registry: StepRegistry): Compiled {
  const checked = check(source.text, registry, params);
  if (!('pipeline' in checked)) return checked;
  const { name, summary, values, concurrency, steps } = checked.pipeline;
  return {
    plan: {
      planVersion: 1,
      name,
      summary,
      source: source.digest,
      params: values,
      ...(concurrency !== undefined && { concurrency }),
      steps: steps.map((step) => planStep(step, values)),
    },
  };
}

function planStep(step: CheckedStep, params: JsonObject): PlanStep {
  const { draft, contract, grid, needs, gathers } = step;
  return {
    id: draft.id,
    uses: contract.name,
    version: contract.version,
    summary: draft.summary ?? contract.summary,
    needs,
    ...(gathers.length > 0 && { gathers }),
    axes: [...grid.axes],
    ...(grid.matrices?.length && { matrices: [...grid.matrices] }),
    with: templatesOf(step, params),
    inputs: Object.keys(contract.inputs),
    output: artifactOutput(contract),
    metrics: Object.keys(contract.outputs).filter((name) => contract.outputs[name]?.port === 'metric'),
    fingerprint: contract.fingerprint === true,
    ...(contract.effect && { effect: true }),
    queue: draft.queue ?? contract.queue,
    ...(draft.processesPerNode !== undefined && { processesPerNode: draft.processesPerNode }),
    ...(contract.resumable && { resumable: true }),
    timeoutMs: draft.timeoutMs ?? contractMs(contract, contract.timeout),
    heartbeatMs: contractMs(contract, contract.heartbeat),
    retry: planRetry(draft.retry),
    ...(step.when !== undefined && {
      when: { written: writtenOf(draft.when), value: templateOf(step.when, params) },
    }),
    ...(draft.approve !== undefined && { approve: planApproval(draft.approve) }),
    ...(draft.onFailure !== 'fail' && { onFailure: draft.onFailure }),
    ...(draft.minSuccess !== undefined && { minSuccess: draft.minSuccess }),
  };
}

/** As written, with params and defaults filled in, so that the key of what is made does not depend on them being left out. */
function templatesOf({ with: bound, filled }: CheckedStep, params: JsonObject): Record<string, Template> {
  const templates: Record<string, Template> = {};
  for (const [key, value] of Object.entries(bound)) {
    const template = templateOf(value, params);
    const checked = own(filled, key);
    templates[key] = 'literal' in template && checked !== undefined ? { literal: checked } : template;
  }
  for (const [key, value] of Object.entries(filled)) {
    if (!Object.hasOwn(templates, key)) templates[key] = { literal: value };
  }
  return templates;
}

/** What stands between the braces. */
function writtenOf(when = ''): string {
  return when.trim().replace(/^\$\{\{\s*|\s*\}\}$/g, '');
}

function planApproval({
  timeout,
  default: byDefault,
}: NonNullable<CheckedStep['draft']['approve']>): PlanApproval {
  return { ...(timeout !== undefined && { timeoutMs: timeout }), byDefault };
}

const defaultRetry = { attempts: 3, backoff: 10_000, factor: 2 };
const defaultMaxBackoffMs = 300_000;

function planRetry(retry: CheckedStep['draft']['retry']): PlanRetry {
  const { attempts, backoff, factor, maxBackoff } = { maxBackoff: undefined, ...(retry ?? defaultRetry) };
  const maxBackoffMs = maxBackoff ?? Math.max(defaultMaxBackoffMs, backoff);
  return { attempts, backoffMs: backoff, factor, maxBackoffMs };
}

function contractMs(contract: StepContract, duration: string): number {
  const ms = durationMs(duration);
  if (ms === undefined) throw new Error(`the contract of ${contract.name} has the duration ${duration}`);
  return ms;
}
