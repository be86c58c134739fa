import type { ParsedYaml } from './parse.ts';
import type { Path } from './places.ts';
import { type Problem, type Span, withoutRepeats } from './problems.ts';

/** Collects the problems of one file, each at its place, so that all are reported at once. */
export class Findings {
  readonly #yaml: ParsedYaml;
  readonly #problems: Problem[];
  readonly #hidden = new Set<number>();

  constructor(yaml: ParsedYaml) {
    this.#yaml = yaml;
    this.#problems = [...yaml.problems];
  }

  atValue(path: Path, message: string, suggestion?: string): void {
    this.#add(this.#yaml.valueSpan(path), message, suggestion);
  }

  atKey(path: Path, message: string, suggestion?: string): void {
    this.#add(this.#yaml.keySpan(path), message, suggestion);
  }

  /** At a part of a string, by its offset in the string's value. */
  inText(path: Path, part: { offset: number; length: number }, message: string, suggestion?: string): void {
    this.#add(this.#yaml.textSpan(path, part.offset, part.length), message, suggestion);
  }

  get count(): number {
    return this.#problems.length;
  }

  /** Keeps the line of a value out of what is shown: it may hold what nobody should read. */
  hide(path: Path): void {
    this.#hidden.add(this.#yaml.valueSpan(path).line);
  }

  /** In the order of the file. */
  inOrder(): Problem[] {
    return withoutRepeats(this.#problems)
      .map((problem) => (this.#hidden.has(problem.line) ? { ...problem, hidden: true as const } : problem))
      .sort((a, b) => a.line - b.line || a.column - b.column);
  }

  #add(span: Span, message: string, suggestion: string | undefined): void {
    this.#problems.push(suggestion === undefined ? { ...span, message } : { ...span, message, suggestion });
  }
}
