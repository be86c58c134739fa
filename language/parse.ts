import { type Document, isScalar, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import type { Json } from './json.ts';
import { type Places, placesIn, rangeOf, type SpanOf, spanInLine } from './places.ts';
import type { Problem } from './problems.ts';

/** Far more than people write, and little enough that no text can keep a process busy for long. */
const longestText = 1024 * 1024;
const maxAliasCount = 100;
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
  const problems = faultProblems(faults, text, spanOf);
  // Only a key given twice leaves the rest of the document as it was meant.
  const readable = faults.every((fault) => fault.code === 'DUPLICATE_KEY');
  const value = readable ? toJson(doc, problems, spanOf) : undefined;
  return { value, problems, ...placesIn(doc, text, spanOf) };
}

/** Undefined if it nests so deeply that the parser, which goes down by calling itself, has to give up. */
function documentOf(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, {
      schema: 'core',
      resolveKnownTags: false,
      stringKeys: true,
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

function toJson(doc: Document.Parsed, problems: Problem[], spanOf: SpanOf): Json | undefined {
  const wholeFile = (message: string): void => {
    problems.push({ line: 1, column: 1, length: 1, message });
  };
  const beyond = valuesBeyondJson(doc, spanOf);
  problems.push(...beyond.problems);
  if (beyond.badAlias) return undefined;
  try {
    const value = doc.toJS({ maxAliasCount }) as Json;
    if (!isDeeperThan(value, deepestNesting)) return value;
    wholeFile(tooDeep);
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    wholeFile('The aliases of the file unfold to too many values');
  }
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
    if (fault.code === 'DUPLICATE_KEY') {
      const key = wordAt(text, start);
      return [{ ...spanOf(start, start + key.length), message: `\`${key}\` is given twice` }];
    }
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

function wordAt(text: string, offset: number): string {
  return /^(?:"[^"\n]*"|'[^'\n]*'|[^\s:]+)/.exec(text.slice(offset))?.[0] ?? 'A key';
}

/** What YAML can say and JSON cannot, or not without loss. */
function valuesBeyondJson(doc: Document.Parsed, spanOf: SpanOf): { problems: Problem[]; badAlias: boolean } {
  const problems: Problem[] = [];
  let badAlias = false;
  visit(doc, {
    Scalar(key, node) {
      const message = beyondJson(node.value, node.source ?? '', key === 'key');
      if (message !== undefined) problems.push({ ...spanOf(...rangeOf(node)), message });
    },
    Pair(_key, { key, value }) {
      if (!isScalar(key) || key.value !== '<<' || isScalar(value) || value === null) return undefined;
      const message =
        'Maps are not merged by `<<`; write the keys out, or give a whole value an anchor, `&name`, and use it as `*name`';
      problems.push({ ...spanOf(...rangeOf(key)), message });
      return visit.REMOVE;
    },
    Alias(_key, node, ancestors) {
      const anchored = node.resolve(doc);
      if (anchored !== undefined && !ancestors.includes(anchored)) return;
      badAlias = true;
      const fault = anchored === undefined ? 'has no anchor before it' : 'stands inside its own anchor';
      problems.push({ ...spanOf(...rangeOf(node)), message: `The alias \`*${node.source}\` ${fault}` });
    },
  });
  return { problems, badAlias };
}

function beyondJson(value: unknown, source: string, isKey: boolean): string | undefined {
  if (isKey) return value === '__proto__' ? '`__proto__` cannot be a key' : undefined;
  if (typeof value !== 'number') return undefined;
  if (!Number.isFinite(value)) return `${source} is not a finite number`;
  const exact = !Number.isInteger(value) || Number.isSafeInteger(value) || /[.eE]/.test(source);
  return exact ? undefined : `${source} is too large to be exact; put it in quotes if it is a name`;
}
