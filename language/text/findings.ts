import type { ParsedYaml } from './parse.ts';
import type { Path } from './places.ts';
import { type Problem, type Span, withoutRepeats } from './problems.ts';

/** Collects the problems of one file, each at its place, so that all are reported at once. */
export class Findings {
  readonly #yaml: ParsedYaml;
  readonly #problems: Problem[];
  readonly #hidden = new Set<number>();
  readonly #always = new Set<string>();

  constructor(yaml: ParsedYaml) {
    this.#yaml = yaml;
    this.#problems = [...yaml.problems];
  }

  /** Ids of the steps that stand in `always`; the paths of all steps begin with `steps`. */
  setAlways(ids: readonly string[]): void {
    for (const id of ids) this.#always.add(id);
  }

  atValue(path: Path, message: string, suggestion?: string): void {
    this.#add(this.#yaml.valueSpan(this.#placeOf(path)), message, suggestion);
  }

  atKey(path: Path, message: string, suggestion?: string): void {
    this.#add(this.#yaml.keySpan(this.#placeOf(path)), message, suggestion);
  }

  /** At a part of a string, by its offset in the string's value. */
  inText(path: Path, part: { offset: number; length: number }, message: string, suggestion?: string): void {
    this.#add(this.#yaml.textSpan(this.#placeOf(path), part.offset, part.length), message, suggestion);
  }

  get count(): number {
    return this.#problems.length;
  }

  /** Keeps the line of a value out of what is shown: it may hold what nobody should read. */
  hide(path: Path): void {
    this.#hidden.add(this.#yaml.valueSpan(this.#placeOf(path)).line);
  }

  /** In the order of the file. */
  inOrder(): Problem[] {
    return withoutRepeats(this.#problems)
      .map((problem) => (this.#hidden.has(problem.line) ? { ...problem, hidden: true as const } : problem))
      .sort((a, b) => a.line - b.line || a.column - b.column);
  }

  #placeOf(path: Path): Path {
    const [root, id, ...rest] = path;
    return root === 'steps' && this.#always.has(String(id)) ? ['always', String(id), ...rest] : path;
  }

  #add(span: Span, message: string, suggestion: string | undefined): void {
    this.#problems.push(suggestion === undefined ? { ...span, message } : { ...span, message, suggestion });
  }
}
