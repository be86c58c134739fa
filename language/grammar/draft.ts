import { z } from 'zod';
import type { Findings } from '../text/findings.ts';
import type { Json, JsonObject } from '../text/json.ts';
import { nearest } from '../text/nearest.ts';
import type { Path } from '../text/places.ts';
import { readFields, readMap } from './fields.ts';
import {
  alwaysShape,
  axisShape,
  matrixShape,
  namePattern,
  pipelineShape,
  scheduleShape,
  stepShape,
} from './grammar.ts';
import { type ParamDefinition, readParam } from './params.ts';
import { pipelineKind } from './uses.ts';

/**
 * A pipeline file, key by key, before its parts are checked against each other. What was wrong with a part
 * is already reported; undefined then stands for "there is one, but nobody knows what it says".
 */
export interface PipelineDraft {
  name: string | undefined;
  summary: string | undefined;
  params: Map<string, ParamDefinition | undefined>;
  /** Those of `always` as well, which come after the others. */
  steps: Map<string, StepDraft>;
  /** What others may use of it: references by name. */
  outputs: Map<string, string>;
  concurrency: number | undefined;
  schedule: Schedule | undefined;
}

export interface StepDraft {
  id: string;
  /** It stands in `always`. */
  always: boolean;
  uses: string | undefined;
  summary: string | undefined;
  with: JsonObject | undefined;
  needs: string[];
  each: string | undefined;
  matrix: MatrixDraft | undefined;
  concurrency: number | undefined;
  retry: { attempts: number; backoff: number; factor: number; maxBackoff?: number | undefined } | undefined;
  timeoutMs: number | undefined;
  when: string | undefined;
  approve: { timeout?: number | undefined; default: 'reject' | 'approve' } | undefined;
  onFailure: 'fail' | 'hold' | 'continue';
  minSuccess: number | undefined;
  queue: string | undefined;
  processesPerNode: number | undefined;
}

/** The `matrix` of a step as it is written. */
export interface MatrixDraft {
  /** The values of each, or the text of a reference to them. */
  axes: Record<string, Json[] | string>;
  exclude: JsonObject[];
  include: JsonObject[];
}

type Overlap = 'skip' | 'bufferOne' | 'bufferAll' | 'cancelOther' | 'terminateOther' | 'allowAll';

export interface Schedule {
  cron: string;
  timezone: string;
  overlap: Overlap;
  catchupMs: number;
  /** As given: the defaults of the pipeline are filled in when a run starts. */
  params: JsonObject;
}

/** One run is one workflow, whose history is limited. */
export const maxSteps = 1000;

export function readDraft(value: Json, findings: Findings): PipelineDraft | undefined {
  const map = readMap(value, [], findings);
  if (map === undefined) return undefined;
  const fields = readFields(pipelineShape, map, [], 'a pipeline', findings);
  const params = new Map<string, ParamDefinition | undefined>();
  for (const [name, definition] of Object.entries(fields.params ?? {})) {
    checkName(name, ['params', name], 'a param', findings);
    params.set(name, readParam(definition, ['params', name], findings));
  }
  const steps = new Map<string, StepDraft>();
  for (const [id, step] of Object.entries(fields.steps ?? {})) {
    checkName(id, ['steps', id], 'a step', findings);
    steps.set(id, readStep(id, step, findings));
  }
  if (fields.steps !== undefined) checkCount(steps.size, findings);
  readAlways(fields.always ?? {}, steps, findings);
  const schedule = fields.schedule === undefined ? undefined : readSchedule(fields.schedule, findings);
  const outputs = new Map(Object.entries(fields.outputs ?? {}));
  const { name, summary, concurrency } = fields;
  return { name, summary, params, steps, outputs, concurrency, schedule };
}

/** Reads the steps of `always` to the others: all are told apart by one id. */
function readAlways(map: JsonObject, steps: Map<string, StepDraft>, findings: Findings): void {
  const fresh = Object.entries(map).filter(([id]) => {
    if (steps.has(id)) findings.atKey(['always', id], `There is a step \`${id}\` in \`steps\` already`);
    return !steps.has(id);
  });
  findings.setAlways(fresh.map(([id]) => id));
  for (const [id, step] of fresh) {
    checkName(id, ['always', id], 'a step', findings);
    steps.set(id, readStep(id, step, findings, true));
  }
}

function readStep(id: string, value: Json, findings: Findings, always = false): StepDraft {
  const path = ['steps', id];
  const map = readMap(value, path, findings);
  if (map?.uses === pipelineKind) refuseOthers(map, path, findings);
  if (map?.uses === pipelineKind && always)
    findings.atValue(
      [...path, 'uses'],
      'A step of `always` does something itself and uses no other pipeline',
    );
  // A key that is not in the shape is not among the fields.
  const shape = always ? (alwaysShape as typeof stepShape) : stepShape;
  const owner = always ? 'a step of `always`' : 'a step';
  const { retry, ...fields } = map === undefined ? {} : readFields(shape, map, path, owner, findings);
  if (retry?.maxBackoff !== undefined && retry.maxBackoff < retry.backoff) {
    findings.atValue([...path, 'retry', 'maxBackoff'], '`maxBackoff` must not be shorter than `backoff`');
  }
  return {
    id,
    always,
    uses: fields.uses,
    summary: fields.summary,
    with: fields.with,
    needs: fields.needs ?? [],
    each: fields.each,
    matrix: fields.matrix && readMatrix(fields.matrix, [...path, 'matrix'], findings),
    concurrency: fields.concurrency,
    retry,
    timeoutMs: fields.timeout,
    when: fields.when,
    approve: fields.approve,
    onFailure: fields.onFailure ?? 'fail',
    minSuccess: fields.minSuccess,
    queue: fields.resources?.queue,
    processesPerNode: fields.resources?.processesPerNode,
  };
}

/** The steps of a pipeline say themselves how they are run. */
const keysOfUse = ['uses', 'summary', 'with', 'needs', 'each', 'matrix', 'when'];

function refuseOthers(map: JsonObject, path: Path, findings: Findings): void {
  for (const key of Object.keys(map)) {
    if (!Object.hasOwn(stepShape, key) || keysOfUse.includes(key)) continue;
    const message = `\`${key}\` is for steps that do something themselves; those of the used pipeline have their own`;
    findings.atKey([...path, key], message);
  }
}

/** Undefined if anything is wrong with it. */
function readMatrix(map: JsonObject, path: Path, findings: Findings): MatrixDraft | undefined {
  const entries = Object.entries(map);
  if (entries.length === 0) return { axes: {}, exclude: [], include: [] };
  const isOwn = ([key]: [string, Json]) => Object.hasOwn(matrixShape, key);
  const named = Object.fromEntries(entries.filter((entry) => !isOwn(entry)));
  const names = Object.keys(named);
  const unfit = names.filter((name) => !namePattern.test(name));
  for (const name of unfit) findings.atKey([...path, name], `\`${name}\` must be a name`);
  const shape = Object.fromEntries(
    names.map((name) => [name, isReference(named[name]) ? z.string() : axisShape]),
  );
  const axes = readFields(shape, named, path, 'a matrix', findings);
  const own = Object.fromEntries(entries.filter(isOwn));
  const { exclude, include } = readFields(matrixShape, own, path, 'a matrix', findings);
  for (const name of names) checkMeant(name, named[name], [...path, name], findings);
  const isWhole = unfit.length === 0 && names.every((name) => Object.hasOwn(axes, name));
  if (!isWhole || exclude === undefined || include === undefined) return undefined;
  return { axes: axes as MatrixDraft['axes'], exclude, include };
}

function isReference(value: Json | undefined): boolean {
  return typeof value === 'string' && value.includes('${{');
}

/** Values of an axis may be maps, but hardly where its name is nearly a key of the matrix. */
function checkMeant(name: string, values: Json | undefined, path: Path, findings: Findings): void {
  const isMap = (value: Json) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const meant = nearest(name, Object.keys(matrixShape));
  if (meant === undefined || !Array.isArray(values) || !values.every(isMap)) return;
  findings.atKey(path, `\`${name}\` would be an axis whose values are maps`, meant);
}

function readSchedule(map: JsonObject, findings: Findings): Schedule | undefined {
  const fields = readFields(scheduleShape, map, ['schedule'], 'a schedule', findings);
  const { cron, timezone, overlap, catchup, params } = fields;
  const complete = cron !== undefined && timezone !== undefined && overlap !== undefined;
  if (!complete || catchup === undefined || params === undefined) return undefined;
  return { cron, timezone, overlap, catchupMs: catchup, params };
}

function checkCount(steps: number, findings: Findings): void {
  if (steps === 0) findings.atKey(['steps'], '`steps` names no step');
  if (steps > maxSteps) {
    findings.atKey(['steps'], `The pipeline has ${steps} steps; at most ${maxSteps} are possible`);
  }
}

function checkName(name: string, path: Path, what: string, findings: Findings): void {
  if (namePattern.test(name) && name.length <= 63) return;
  findings.atKey(
    path,
    `\`${name}\` cannot be the name of ${what}: up to 63 letters, digits, - and _, beginning with a letter`,
  );
}
