import { type Document, LineCounter, parseDocument, type YAMLError } from 'yaml';
import { DocumentReader } from './documentReader.ts';
import type { Json } from './json.ts';
import { type Places, placesIn, type SpanOf, spanInLine } from './places.ts';
import type { Problem } from './problems.ts';

/** Far more than people write, and little enough that no text can keep a process busy for long. */
const longestText = 1024 * 1024;
const deepestNesting = 50;
const tooDeep = `The file nests values more than ${deepestNesting} levels deep`;

/** A YAML 1.2 text as plain JSON, together with the way back from a value to its place in the text. */
export interface ParsedYaml extends Places {
  /** Undefined when the text is not YAML or could not be read as JSON. */
  value: Json | undefined;
  problems: Problem[];
}

/** Reads one YAML document. Never throws: every fault is a problem with its place. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const spanOf: SpanOf = (start, end) => spanInLine(text, lines, start, end);
  const refused = (message: string): ParsedYaml => {
    const problem = { line: 1, column: 1, length: 1, message };
    return { value: undefined, problems: [problem], ...placesIn(undefined, text, spanOf) };
  };
  if (text.length > longestText) return refused('The file is longer than 1 MiB');
  const doc = documentOf(text, lines);
  if (doc === undefined) return refused(tooDeep);
  const faults = [...doc.errors, ...doc.warnings];
  const read = new DocumentReader(doc.contents, text, spanOf);
  const problems = [...read.repeats, ...faultProblems(faults, text, spanOf)];
  // A key given twice leaves the rest of the document as it was meant.
  const value = faults.length === 0 ? jsonOf(read, problems) : undefined;
  return { value, problems, ...placesIn(doc, text, spanOf) };
}

/** Undefined if it nests so deeply that the parser, which goes down by calling itself, has to give up. */
function documentOf(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, {
      schema: 'core',
      resolveKnownTags: false,
      stringKeys: true,
      uniqueKeys: false,
      lineCounter,
      prettyErrors: false,
      logLevel: 'error',
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** One value as YAML reads it, for values of a command line: `1e-3`, `true`, `"true"`, `s3://bucket`, `[0.1, 1]`. */
export function parseArgument(text: string): Json {
  const { value, problems } = parseYaml(text);
  const isList = Array.isArray(value) && text.trimStart().startsWith('[');
  return isList && problems.length === 0 ? value : parseScalar(text);
}

/** As a single value that is no list. */
export function parseScalar(text: string): Json {
  const { value, problems } = parseYaml(text);
  const isScalar = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string';
  return isScalar && problems.length === 0 ? value : text;
}

function jsonOf(read: DocumentReader, problems: Problem[]): Json | undefined {
  problems.push(...read.others);
  if (read.badAlias) return undefined;
  const ofAliases = read.tooManyAliases ? 'The aliases of the file unfold to too many values' : undefined;
  const message = ofAliases ?? (isDeeperThan(read.value, deepestNesting) ? tooDeep : undefined);
  if (message === undefined) return read.value;
  problems.push({ line: 1, column: 1, length: 1, message });
  return undefined;
}

function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

/** The first syntax error of a line explains the others. */
function faultProblems(faults: YAMLError[], text: string, spanOf: SpanOf): Problem[] {
  const seen = new Set<number>();
  return faults.flatMap((fault) => {
    const [start, end] = fault.pos;
    const problem = { ...spanOf(start, end), message: faultMessage(fault, text) };
    if (seen.has(problem.line)) return [];
    seen.add(problem.line);
    return [problem];
  });
}

function faultMessage({ code, message, pos: [start] }: YAMLError, text: string): string {
  if (code === 'MULTIPLE_DOCS') return 'The file holds more than one YAML document';
  if (code === 'BLOCK_AS_IMPLICIT_KEY' && text.slice(start).split('\n', 1)[0]?.includes('${{')) {
    return 'An expression with `: ` in it must be in quotes: "${{ ... }}"';
  }
  if (text.slice(Math.max(0, start - 2), start + 3).includes('${{')) {
    return 'Inside { } and [ ] a reference must be in quotes: "${{ ... }}"';
  }
  return `Not valid YAML: ${message}`;
}
