import { F2cError } from '../../errors/failure.ts';
import { own } from './own.ts';
import type { Pipelines, SourceText } from './sources.ts';

/** A place in the source; line and column count from 1, and the length stays on the line. */
export interface Span {
  line: number;
  column: number;
  length: number;
}

/** One error of a pipeline file. The message is a sentence without its full stop. */
export interface Problem extends Span {
  message: string;
  /** The name that was probably meant. */
  suggestion?: string;
  /** The used pipeline that is wrong, as it is named, where it is not the file itself. */
  in?: string;
  /** The line may hold a secret and is not shown. */
  hidden?: true;
}

/** One error of the params that a run was given. */
export interface ParamProblem {
  param: string;
  message: string;
  suggestion?: string;
}

/** More of them, or more of a line, help nobody. */
const mostShown = 100;
const longestLine = 160;

/** All problems for a terminal: place, message, and the line with the part underlined. `pipelines` are those used. */
export function renderProblems(
  problems: readonly Problem[],
  source: SourceText,
  pipelines: Pipelines = {},
): string {
  const lines = new Map<string | undefined, string[]>();
  const linesOf = (name: string | undefined): string[] => {
    const text = name === undefined ? source.text : textOf(pipelines, name);
    const known = lines.get(name) ?? text.split(/\r?\n/);
    lines.set(name, known);
    return known;
  };
  const rendered = problems
    .slice(0, mostShown)
    .map((problem) => renderProblem(problem, linesOf(problem.in), problem.in ?? fileOf(source)));
  const more = problems.length - rendered.length;
  return [...rendered, ...(more > 0 ? [`and ${more} more`] : [])].join('\n\n');
}

function renderProblem(problem: Problem, lines: readonly string[], file: string): string {
  const { line, column } = problem;
  const head = `${file}:${line}:${column}  error  ${sentence(problem)}`;
  if (problem.hidden) return head;
  const { code, before, length } = excerpt(lines[line - 1] ?? '', problem);
  const gutter = `${line}`.padStart(6);
  // Tabs are kept in front of the underline, so that it stands below its part at any tab width.
  const indent = before.replace(/[^\t]/g, ' ');
  return [head, `${gutter} | ${code}`, `${' '.repeat(6)} | ${indent}${'^'.repeat(length)}`].join('\n');
}

/** A line, or of a long one what is around the problem. */
function excerpt(code: string, { column, length }: Span): { code: string; before: string; length: number } {
  if (code.length <= longestLine) return { code, before: code.slice(0, column - 1), length };
  const start = Math.max(0, column - 1 - longestLine / 4);
  const end = start + longestLine;
  const left = start === 0 ? '' : '…';
  return {
    code: `${left}${code.slice(start, end)}${end < code.length ? '…' : ''}`,
    before: `${left}${code.slice(start, column - 1)}`,
    length: Math.min(length, end - column + 1),
  };
}

/** A value that several combinations or aliases lead to is wrong once. */
export function withoutRepeats<P extends Problem | ParamProblem>(problems: readonly P[]): P[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}

/** The failure of a pipeline that has problems. */
export function pipelineError(
  problems: readonly Problem[],
  source: SourceText,
  pipelines: Pipelines = {},
): F2cError {
  const count = problems.length === 1 ? '1 error' : `${problems.length} errors`;
  const files = new Set(problems.map((problem) => problem.in ?? fileOf(source)));
  return new F2cError('F2C_PIPELINE_INVALID', {
    listing: renderProblems(problems, source, pipelines),
    what: `${count} in ${[...files].join(' and ')}`,
  });
}

/** The failure of a run whose params do not fit the pipeline. */
export function paramsError(problems: readonly ParamProblem[], pipeline: string): F2cError {
  const list = problems.map((problem) => `  ${sentence(problem)}`).join('\n');
  return new F2cError('F2C_PARAMS_INVALID', {
    what: `The params do not fit the pipeline ${pipeline}:\n${list}\nNothing was started`,
  });
}

function sentence({ message, suggestion }: { message: string; suggestion?: string }): string {
  return suggestion === undefined ? message : `${message}. Did you mean \`${suggestion}\`?`;
}

function textOf(pipelines: Pipelines, name: string): string {
  const named = own(pipelines, name);
  return named !== undefined && 'text' in named ? named.text : '';
}

function fileOf(source: SourceText): string {
  return source.file ?? 'pipeline';
}
