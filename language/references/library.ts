import type { PipelineDraft } from '../grammar/draft.ts';
import type { ParamDefinition } from '../grammar/params.ts';
import { faultOfName } from '../grammar/uses.ts';
import { own } from '../text/own.ts';
import type { ParsedYaml } from '../text/parse.ts';
import type { Problem } from '../text/problems.ts';
import type { Pipelines } from '../text/sources.ts';
import type { Outputs } from './outputs.ts';

/** A pipeline on the way from the file that is checked to one that is used. */
interface Visited {
  name: string;
  text: string;
}

/** The way to a file: itself is the last. */
export type Trail = readonly Visited[];

/** What a pipeline is to those who use it. */
export interface UsedPipeline {
  /** As it is named. */
  name: string;
  text: string;
  /** Read once, however often it is used. */
  yaml: ParsedYaml;
  params: Record<string, ParamDefinition>;
  outputs: Outputs;
  /** The axes of its steps, and the steps that they come from. */
  axes: ReadonlyMap<string, string>;
  /** With those of the pipelines that it uses. */
  steps: number;
  /** How many pipelines deep those lie that it uses; 0 if it uses none. */
  height: number;
}

/** A file that was checked by itself. */
export interface ReadFile extends Omit<UsedPipeline, 'name' | 'text'> {
  draft: PipelineDraft | undefined;
  problems: Problem[];
}

/** How deep pipelines may use each other. */
export const deepest = 10;

/** The pipelines that a file may use. Each is checked once by itself, whoever uses it. */
export class Library {
  readonly #pipelines: Pipelines;
  readonly #read: (text: string, trail: Trail) => ReadFile;
  readonly #used = new Map<string, UsedPipeline | undefined>();
  readonly #problems: Problem[] = [];

  constructor(pipelines: Pipelines, read: (text: string, trail: Trail, library: Library) => ReadFile) {
    this.#pipelines = pipelines;
    this.#read = (text, trail) => read(text, trail, this);
  }

  /** What is wrong with the pipelines that are used themselves. */
  get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** Undefined where the pipeline is wrong itself, which is reported there, or where nobody could be asked. */
  use(name: string, trail: Trail): UsedPipeline | { fault: string } | undefined {
    const fault = faultOfName(name);
    if (fault !== undefined) return { fault };
    const names = [...trail.map((visited) => visited.name), name];
    if (trail.length > deepest) return tooDeep(names);
    const named = own(this.#pipelines, name);
    if (named === undefined) return { fault: `No pipeline is named \`${name}\`` };
    if ('fault' in named) return named;
    if ('unchecked' in named) return undefined;
    const since = trail.findIndex(({ text }) => text === named.text);
    if (since !== -1) return circle(names.slice(since));
    if (!this.#used.has(name)) this.#used.set(name, this.#readUsed(name, named.text, trail));
    const used = this.#used.get(name);
    return used !== undefined && trail.length + used.height > deepest ? tooDeep(names) : used;
  }

  #readUsed(name: string, text: string, trail: Trail): UsedPipeline | undefined {
    const { draft: _, problems, ...file } = this.#read(text, [...trail, { name, text }]);
    this.#problems.push(...problems.map((problem) => ({ ...problem, in: name })));
    return problems.length > 0 ? undefined : { name, text, ...file };
  }
}

function circle(names: string[]): { fault: string } {
  const fault = names.length === 2 ? 'The pipeline uses itself' : 'Pipelines use each other in a circle';
  return { fault: `${fault}: ${way(names)}` };
}

function tooDeep(names: string[]): { fault: string } {
  return { fault: `Pipelines use each other more than ${deepest} deep: ${way(names)}` };
}

function way(names: string[]): string {
  return names.map((name) => `\`${name}\``).join(' -> ');
}
