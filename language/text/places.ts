import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
} from 'yaml';
import type { Span } from './problems.ts';

/** Where a value stands in the document: `['steps', 'train', 'needs', 0]`. */
export type Path = readonly (string | number)[];

/** The way back from a value to its place in the text. */
export interface Places {
  /** Place of a value; of its key, where the value is empty or begins on a line of its own. */
  valueSpan(path: Path): Span;
  /** Place of the key of a value; of the key around it, where it has none. */
  keySpan(path: Path): Span;
  /** Place of a part of a string, by its offset in the string's value. */
  textSpan(path: Path, offset: number, length: number): Span;
}

export type SpanOf = (start: number, end: number) => Span;

/** From one offset to another, but not beyond the end of the line. */
export function spanInLine(text: string, lines: LineCounter, start: number, end: number): Span {
  const from = Math.min(start, text.length);
  const { line, col } = lines.linePos(from);
  const rest = text.slice(from, Math.max(end, from)).split(/\r?\n/, 1)[0] ?? '';
  return { line: Math.max(line, 1), column: Math.max(col, 1), length: Math.max(rest.trimEnd().length, 1) };
}

export function placesIn(doc: Document.Parsed | undefined, text: string, spanOf: SpanOf): Places {
  const top = { line: 1, column: 1, length: 1 };
  const nodeSpan = (node: Node | undefined): Span | undefined =>
    node?.range ? spanOf(...rangeOf(node)) : undefined;

  const keySpan = (path: Path): Span => {
    for (let depth = path.length; depth > 0; depth--) {
      const { key } = find(doc, path.slice(0, depth));
      const span = nodeSpan(key);
      if (span !== undefined) return span;
    }
    return top;
  };
  const valueSpan = (path: Path): Span => {
    const { key, value } = find(doc, path);
    const elsewhere = value === undefined || isEmpty(value) || (isBlock(value) && key !== undefined);
    return (elsewhere ? undefined : nodeSpan(value)) ?? keySpan(path);
  };
  const textSpan = (path: Path, offset: number, length: number): Span => {
    const { value } = find(doc, path);
    if (!isScalar(value) || typeof value.value !== 'string' || !value.range) return valueSpan(path);
    const [start, end] = value.range;
    const at = offsetInSource(text.slice(start, end), value.value, offset, length);
    return at === undefined ? valueSpan(path) : spanOf(start + at, start + at + length);
  };
  return { keySpan, valueSpan, textSpan };
}

/**
 * Quotes, escapes and folded lines make a string's source differ from its value, so the part is looked for
 * by its text: the n-th time it occurs in the value is the n-th time in the source.
 */
function offsetInSource(source: string, value: string, offset: number, length: number): number | undefined {
  const part = value.slice(offset, offset + length);
  if (part === '') return undefined;
  let at = -1;
  for (let seen = value.indexOf(part); seen !== -1 && seen <= offset; seen = value.indexOf(part, seen + 1)) {
    at = source.indexOf(part, at + 1);
    if (at === -1) return undefined;
  }
  return at === -1 ? undefined : at;
}

interface Found {
  key?: Node | undefined;
  value?: Node | undefined;
}

function find(doc: Document.Parsed | undefined, path: Path): Found {
  let found: Found = { value: doc?.contents ?? undefined };
  for (const part of path) {
    const inside = isAlias(found.value) && doc ? found.value.resolve(doc) : found.value;
    if (isMap(inside)) found = ofPair(inside.items.findLast((pair) => keyText(pair) === String(part)));
    else if (isSeq(inside)) found = { value: inside.items[Number(part)] as Node | undefined };
    else return {};
  }
  return found;
}

function ofPair(pair: Pair | undefined): Found {
  return { key: pair?.key as Node | undefined, value: (pair?.value ?? undefined) as Node | undefined };
}

function keyText(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : '';
}

function isEmpty(node: Node): boolean {
  return isScalar(node) && node.range?.[0] === node.range?.[1];
}

function isBlock(node: Node): boolean {
  return isCollection(node) && node.flow !== true;
}

export function rangeOf(node: Node): [start: number, end: number] {
  return [node.range?.[0] ?? 0, node.range?.[1] ?? 0];
}
