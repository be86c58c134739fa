import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { rangeOf, type SpanOf } from './places.ts';
import type { Problem } from './problems.ts';

/**
 * One walk through a document, for what YAML can say and JSON cannot, or not without loss. The walk knows by itself what
 * an alias stands for and which keys a map has: asked for each of them anew, the YAML library looks through all others,
 * and a text of a few pages keeps it busy for minutes.
 */
export class BeyondJson {
  /** Keys that are given twice. */
  readonly repeats: Problem[] = [];
  readonly others: Problem[] = [];
  /** An alias stands for nothing, or for what it is a part of. */
  badAlias = false;
  readonly #text: string;
  readonly #spanOf: SpanOf;
  /** By the name of its anchor, the last value so far. */
  readonly #anchored = new Map<string, Node>();
  readonly #around = new Set<Node>();

  constructor(root: Node | null, text: string, spanOf: SpanOf) {
    this.#text = text;
    this.#spanOf = spanOf;
    this.#walk(root);
  }

  #walk(node: Node | null): void {
    if (isAlias(node)) this.#checkAlias(node);
    else if (node?.anchor) this.#anchored.set(node.anchor, node);
    if (isScalar(node)) {
      const message = beyondJson(node.value, node.source ?? '');
      if (message !== undefined) this.#report(node, message);
    } else if (isMap(node)) {
      this.#around.add(node);
      this.#walkMap(node);
      this.#around.delete(node);
    } else if (isSeq(node)) {
      this.#around.add(node);
      for (const item of node.items) this.#walk(item as Node | null);
      this.#around.delete(node);
    }
  }

  #walkMap(map: YAMLMap): void {
    const seen = new Set<unknown>();
    for (const { key } of map.items) {
      if (!isScalar(key)) continue;
      if (seen.has(key.value)) this.#reportRepeat(key);
      seen.add(key.value);
    }
    if (map.items.some(isMerge)) map.items = map.items.filter((pair) => !this.#refuseMerge(pair));
    for (const { key, value } of map.items) {
      if (!isScalar(key)) this.#walk(key as Node | null);
      else {
        if (key.anchor) this.#anchored.set(key.anchor, key);
        if (key.value === '__proto__') this.#report(key, '`__proto__` cannot be a key');
      }
      this.#walk(value as Node | null);
    }
  }

  #reportRepeat(key: Scalar): void {
    const [start] = rangeOf(key);
    const word = wordAt(this.#text, start);
    this.repeats.push({ ...this.#spanOf(start, start + word.length), message: `\`${word}\` is given twice` });
  }

  #refuseMerge(pair: Pair): boolean {
    if (!isMerge(pair)) return false;
    this.#report(
      pair.key as Node,
      'Maps are not merged by `<<`; write the keys out, or give a whole value an anchor, `&name`, and use it as `*name`',
    );
    return true;
  }

  #checkAlias(alias: Alias): void {
    const anchored = this.#anchored.get(alias.source);
    if (anchored !== undefined && !this.#around.has(anchored)) return;
    this.badAlias = true;
    const fault = anchored === undefined ? 'has no anchor before it' : 'stands inside its own anchor';
    this.#report(alias, `The alias \`*${alias.source}\` ${fault}`);
  }

  #report(node: Node, message: string): void {
    this.others.push({ ...this.#spanOf(...rangeOf(node)), message });
  }
}

function isMerge({ key, value }: Pair): boolean {
  return isScalar(key) && key.value === '<<' && !isScalar(value) && value !== null;
}

function beyondJson(value: unknown, source: string): string | undefined {
  if (typeof value !== 'number') return undefined;
  if (!Number.isFinite(value)) return `${source} is not a finite number`;
  const exact = !Number.isInteger(value) || Number.isSafeInteger(value) || /[.eE]/.test(source);
  return exact ? undefined : `${source} is too large to be exact; put it in quotes if it is a name`;
}

function wordAt(text: string, offset: number): string {
  return /^(?:"[^"\n]*"|'[^'\n]*'|[^\s:]+)/.exec(text.slice(offset))?.[0] ?? 'A key';
}
