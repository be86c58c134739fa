import { type CheckedPipeline, check } from './check.ts';
import { secretsOf } from './checking/secrets.ts';
import type { CheckedStep } from './checking/steps.ts';
import { artifactOutput, type StepContract, type StepRegistry } from './contract/step.ts';
import { durationMs } from './grammar/duration.ts';
import { withFanOuts } from './plan/fanOut.ts';
import type { Plan, PlanApproval, PlanRetry, PlanStep, Template } from './plan/plan.ts';
import { templateOf } from './references/bind.ts';
import type { When } from './references/frame.ts';
import type { JsonObject } from './text/json.ts';
import { own } from './text/own.ts';
import type { ParamProblem, Problem } from './text/problems.ts';
import type { PipelineSource, Pipelines } from './text/sources.ts';

export type Compiled = { plan: Plan } | { problems: Problem[] } | { paramProblems: ParamProblem[] };

/**
 * Compiles a pipeline and the params of a run to a plan, or says everything that is wrong with either. The steps of
 * the pipelines that it uses become steps of the plan.
 */
export function compile(
  source: PipelineSource,
  params: JsonObject,
  registry: StepRegistry,
  pipelines: Pipelines = {},
): Compiled {
  const checked = check(source.text, registry, params, pipelines);
  if (!('pipeline' in checked)) return checked;
  const digests = Object.entries(pipelines).flatMap(([used, named]) =>
    'digest' in named ? [[used, named.digest] as const] : [],
  );
  const { name, summary, values, concurrency, steps } = checked.pipeline;
  return {
    plan: {
      planVersion: 1,
      name,
      summary,
      source: source.digest,
      params: values,
      ...(digests.length > 0 && { pipelines: Object.fromEntries(digests) }),
      ...(concurrency !== undefined && { concurrency }),
      ...artifactsOf(checked.pipeline),
      steps: withFanOuts(steps.map((step) => planStep(step))),
    },
  };
}

/** The params that stand for artifacts, as they were given. */
function artifactsOf({ params, values }: CheckedPipeline): Pick<Plan, 'artifacts'> {
  const entries = Object.entries(params).flatMap(([param, { kind }]) =>
    kind === undefined ? [] : [[param, { kind, key: String(own(values, param)), digest: '' }] as const],
  );
  return entries.length === 0 ? {} : { artifacts: Object.fromEntries(entries) };
}

function planStep(step: CheckedStep): PlanStep {
  const { id, draft, contract, grid, needs, gathers, wholes } = step;
  const secrets = secretsOf(step.with, step.params);
  return {
    id,
    uses: contract.name,
    version: contract.version,
    summary: draft.summary ?? contract.summary,
    needs,
    ...(gathers.length > 0 && { gathers }),
    ...(wholes.length > 0 && { wholes }),
    axes: grid.axes.map(({ name, origin, values }) => ({ name, origin, values })),
    ...(grid.matrices?.length && { matrices: [...grid.matrices] }),
    with: templatesOf(step),
    inputs: Object.keys(contract.inputs),
    output: artifactOutput(contract),
    metrics: Object.keys(contract.outputs).filter((name) => contract.outputs[name]?.port === 'metric'),
    fingerprint: contract.fingerprint === true,
    ...(contract.effect && { effect: true }),
    queue: draft.queue ?? contract.queue,
    ...(secrets.length > 0 && { secrets }),
    ...(draft.concurrency !== undefined && { concurrency: draft.concurrency }),
    ...(draft.processesPerNode !== undefined && { processesPerNode: draft.processesPerNode }),
    ...(contract.resumable && { resumable: true }),
    timeoutMs: draft.timeoutMs ?? contractMs(contract, contract.timeout),
    heartbeatMs: contractMs(contract, contract.heartbeat),
    retry: planRetry(draft.retry),
    ...planWhen(step.whens),
    ...(draft.approve !== undefined && { approve: planApproval(draft.approve) }),
    ...(draft.onFailure !== 'fail' && { onFailure: draft.onFailure }),
    ...(draft.onFailure === 'hold' && { holdsExpressions: true }),
    ...(draft.always && { always: true }),
    ...(draft.minSuccess !== undefined && { minSuccess: draft.minSuccess }),
  };
}

/** As written, with params and defaults filled in, so that the key of what is made does not depend on them being left out. */
function templatesOf({ with: bound, filled, params }: CheckedStep): Record<string, Template> {
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

/** The conditions of the steps around count first, and those within only where they are true. */
function planWhen(whens: readonly When[]): Pick<PlanStep, 'when'> {
  const [first, ...others] = whens.map(({ bound, params, written }) => ({
    written,
    value: templateOf(bound, params),
  }));
  if (first === undefined) return {};
  const both = (a: typeof first, b: typeof first) => ({
    written: `${a.written} && ${b.written}`,
    value: { op: '&&', of: [a.value, b.value] },
  });
  return { when: others.reduce(both, first) };
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
