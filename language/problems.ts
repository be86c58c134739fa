import { F2cError } from '../errors/failure.ts';
import type { Pipelines } from './library.ts';
import { own } from './own.ts';

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

export interface SourceText {
  text: string;
  /** File name to show; "pipeline" if the text comes from elsewhere. */
  file?: string;
}

/** All problems for a terminal: place, message, and the line with the part underlined. `pipelines` are those used. */
export function renderProblems(
  problems: readonly Problem[],
  source: SourceText,
  pipelines: Pipelines = {},
): string {
  const rendered = problems.map((problem) => {
    const text = problem.in === undefined ? source.text : textOf(pipelines, problem.in);
    return renderProblem(problem, text.split(/\r?\n/), problem.in ?? fileOf(source));
  });
  return rendered.join('\n\n');
}

function renderProblem(problem: Problem, lines: readonly string[], file: string): string {
  const { line, column, length } = problem;
  const head = `${file}:${line}:${column}  error  ${sentence(problem)}`;
  const code = lines[line - 1] ?? '';
  if (problem.hidden) return head;
  const gutter = `${line}`.padStart(6);
  // Tabs are kept in front of the underline, so that it stands below its part at any tab width.
  const indent = code.slice(0, column - 1).replace(/[^\t]/g, ' ');
  return [head, `${gutter} | ${code}`, `${' '.repeat(6)} | ${indent}${'^'.repeat(length)}`].join('\n');
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
