import { type CheckedFile, checkFile } from './checking/checkFile.ts';
import type { CheckedStep } from './checking/steps.ts';
import type { StepRegistry } from './contract/step.ts';
import type { Schedule } from './grammar/draft.ts';
import type { ParamDefinition } from './grammar/params.ts';
import { nameIn } from './grammar/uses.ts';
import { top } from './references/frame.ts';
import { Library } from './references/library.ts';
import type { JsonObject } from './text/json.ts';
import { parseYaml } from './text/parse.ts';
import { type ParamProblem, type Problem, withoutRepeats } from './text/problems.ts';
import type { Pipelines } from './text/sources.ts';

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
  const file = checkTop(text, registry, {}, pipelines);
  return file.problems.length > 0 ? { problems: file.problems } : { pipeline: factsOf(file) };
}

/** Checks a pipeline file and the params of a run. Problems of the file come first. */
export function check(
  text: string,
  registry: StepRegistry,
  given: JsonObject,
  pipelines: Pipelines,
): Checked {
  const file = checkTop(text, registry, given, pipelines);
  if (file.problems.length > 0) return { problems: file.problems };
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

/** The problems are also those of the pipelines that it uses. */
function checkTop(
  text: string,
  registry: StepRegistry,
  params: JsonObject,
  pipelines: Pipelines,
): CheckedFile {
  const yaml = parseYaml(text);
  const library = libraryOf(pipelines, registry);
  const trail = [{ name: nameIn(yaml), text }];
  const file = checkFile(yaml, { params }, { frame: top, trail, registry, library });
  return { ...file, problems: [...file.problems, ...library.problems] };
}

function libraryOf(pipelines: Pipelines, registry: StepRegistry): Library {
  return new Library(pipelines, (text, trail, library) => {
    const yaml = parseYaml(text);
    const file = checkFile(yaml, { params: {} }, { frame: top, trail, registry, library });
    // Who uses a pipeline runs its steps without its `always`.
    const steps = file.steps.filter(({ draft }) => !draft.always);
    const axes = new Map(
      steps.flatMap((step) => step.grid.axes.map((axis) => [axis.name, axis.origin] as const)),
    );
    return { ...file, yaml, axes, steps: steps.length };
  });
}
