import { type CheckedFile, checkFile, type Surroundings } from './checkFile.ts';
import type { Schedule } from './draft.ts';
import { top } from './frame.ts';
import type { JsonObject } from './json.ts';
import { Library, type Pipelines } from './library.ts';
import type { ParamDefinition } from './params.ts';
import { type ParamProblem, type Problem, withoutRepeats } from './problems.ts';
import type { StepRegistry } from './step.ts';
import type { CheckedStep } from './steps.ts';
import { nameIn } from './uses.ts';

/** What a pipeline file says about itself, for those who list, launch, schedule or use it. */
export interface Pipeline {
  name: string;
  summary: string;
  params: Record<string, ParamDefinition>;
  /** What others may use of it: references as they are written. */
  outputs?: Record<string, string>;
  schedule?: Schedule;
}

export interface CheckedPipeline extends Pipeline {
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
 * none, by its type alone. Gives what the file says, or every problem of it and of the pipelines that it uses.
 */
export function readPipeline(
  text: string,
  registry: StepRegistry,
  pipelines: Pipelines = {},
): { pipeline: Pipeline } | { problems: Problem[] } {
  const library = libraryOf(pipelines, registry);
  const file = checkFile(text, { params: {} }, { ...atTop(text), registry, library });
  const problems = [...file.problems, ...library.problems];
  return problems.length > 0 ? { problems } : { pipeline: factsOf(file) };
}

/** Checks a pipeline file and the params of a run. Problems of the file come first. */
export function check(
  text: string,
  registry: StepRegistry,
  given: JsonObject,
  pipelines: Pipelines,
): Checked {
  const library = libraryOf(pipelines, registry);
  const file = checkFile(text, { params: given }, { ...atTop(text), registry, library });
  const problems = [...file.problems, ...library.problems];
  if (problems.length > 0) return { problems };
  if (file.paramProblems.length > 0) return { paramProblems: withoutRepeats(file.paramProblems) };
  const { values, steps, draft } = file;
  if (draft?.concurrency === undefined) return { pipeline: { ...factsOf(file), values, steps } };
  return { pipeline: { ...factsOf(file), values, steps, concurrency: draft.concurrency } };
}

function factsOf({ draft, params }: CheckedFile): Pipeline {
  const { name, summary, schedule, outputs = new Map() } = draft ?? {};
  if (name === undefined || summary === undefined)
    throw new Error('a pipeline without problems is not complete');
  return {
    name,
    summary,
    params,
    ...(outputs.size > 0 && { outputs: Object.fromEntries(outputs) }),
    ...(schedule && { schedule }),
  };
}

function atTop(text: string): Pick<Surroundings, 'frame' | 'trail'> {
  return { frame: top, trail: [{ name: nameIn(text), text }] };
}

function libraryOf(pipelines: Pipelines, registry: StepRegistry): Library {
  return new Library(pipelines, (text, trail, library) => {
    const file = checkFile(text, { params: {} }, { frame: top, trail, registry, library });
    // Who uses a pipeline runs its steps without its `always`.
    const steps = file.steps.filter(({ draft }) => !draft.always);
    const axes = new Map(
      steps.flatMap((step) => step.grid.axes.map((axis) => [axis.name, axis.origin] as const)),
    );
    return { ...file, axes, steps: steps.length };
  });
}
