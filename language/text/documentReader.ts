import {
  type Alias,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import type { Json } from './json.ts';
import { rangeOf, type SpanOf } from './places.ts';
import type { Problem } from './problems.ts';

/** What an anchor stands for may be used so often, times how often that uses others itself. */
const mostAliases = 100;

/** A value with an anchor. */
interface Anchored {
  node: Node;
  /** Undefined while it is read. */
  value: Json | undefined;
  /** How often it stands in the document, itself and its aliases. */
  count: number;
  /** The same of what is in it; known from its first alias on. */
  within: number | undefined;
}

/**
 * Reads a document as JSON in one walk, and finds what YAML can say and JSON cannot, or not without loss. It knows by
 * itself what an alias stands for and which keys a map has: asked for each of them anew, the YAML library looks through
 * all others, and a text of a few pages keeps it busy for minutes.
 */
export class DocumentReader {
  readonly value: Json;
  /** Keys that are given twice. */
  readonly repeats: Problem[] = [];
  readonly others: Problem[] = [];
  /** An alias stands for nothing, or for what it is a part of. */
  badAlias = false;
  tooManyAliases = false;
  readonly #text: string;
  readonly #spanOf: SpanOf;
  /** By the name of its anchor, the last value so far. */
  readonly #anchored = new Map<string, Anchored>();
  readonly #meant = new Map<Alias, Anchored>();

  constructor(root: Node | null, text: string, spanOf: SpanOf) {
    this.#text = text;
    this.#spanOf = spanOf;
    this.value = this.#read(root);
  }

  #read(node: Node | null): Json {
    if (isAlias(node)) return this.#readAlias(node);
    if (!node?.anchor) return this.#readValue(node);
    const anchored: Anchored = { node, value: undefined, count: 1, within: undefined };
    this.#anchored.set(node.anchor, anchored);
    anchored.value = this.#readValue(node);
    return anchored.value;
  }

  #readValue(node: Node | null): Json {
    if (isMap(node)) return this.#readMap(node);
    if (isSeq(node)) return node.items.map((item) => this.#read(item as Node | null));
    if (!isScalar(node)) return null;
    const message = beyondJson(node.value, node.source ?? '');
    if (message !== undefined) this.#report(node, message);
    return node.value as Json;
  }

  #readMap(map: YAMLMap): Json {
    const seen = new Set<string>();
    const entries: [string, Json][] = [];
    for (const { key, value } of map.items as { key: unknown; value: Node | null }[]) {
      // The parser has refused all other keys.
      if (!isScalar(key)) continue;
      const name = String(key.value ?? '');
      if (seen.has(name)) this.#reportRepeat(key);
      seen.add(name);
      if (name === '__proto__') this.#report(key, '`__proto__` cannot be a key');
      if (name === '<<' && value !== null && !isScalar(value)) {
        this.#report(key, mergeFault);
      } else {
        this.#read(key);
        entries.push([name, this.#read(value)]);
      }
    }
    return Object.fromEntries(entries);
  }

  #readAlias(alias: Alias): Json {
    const anchored = this.#anchored.get(alias.source);
    if (anchored?.value === undefined) {
      this.badAlias = true;
      const fault = anchored === undefined ? 'has no anchor before it' : 'stands inside its own anchor';
      this.#report(alias, `The alias \`*${alias.source}\` ${fault}`);
      return null;
    }
    this.#meant.set(alias, anchored);
    anchored.count += 1;
    anchored.within ??= this.#countWithin(anchored.node);
    if (anchored.count * anchored.within > mostAliases) this.tooManyAliases = true;
    return anchored.value;
  }

  /** How often the value is used that a node uses most. */
  #countWithin(node: unknown): number {
    if (isAlias(node)) {
      const { count = 0, within = 0 } = this.#meant.get(node) ?? {};
      return count * within;
    }
    if (isPair(node)) return Math.max(this.#countWithin(node.key), this.#countWithin(node.value));
    if (!isCollection(node)) return 1;
    return node.items.reduce((most: number, item) => Math.max(most, this.#countWithin(item)), 0);
  }

  #reportRepeat(key: Scalar): void {
    const [start] = rangeOf(key);
    const word = wordAt(this.#text, start);
    this.repeats.push({ ...this.#spanOf(start, start + word.length), message: `\`${word}\` is given twice` });
  }

  #report(node: Node, message: string): void {
    this.others.push({ ...this.#spanOf(...rangeOf(node)), message });
  }
}

const mergeFault =
  'Maps are not merged by `<<`; write the keys out, or give a whole value an anchor, `&name`, and use it as `*name`';

function beyondJson(value: unknown, source: string): string | undefined {
  if (typeof value !== 'number') return undefined;
  if (!Number.isFinite(value)) return `${source} is not a finite number`;
  const exact = !Number.isInteger(value) || Number.isSafeInteger(value) || /[.eE]/.test(source);
  return exact ? undefined : `${source} is too large to be exact; put it in quotes if it is a name`;
}

function wordAt(text: string, offset: number): string {
  return /^(?:"[^"\n]*"|'[^'\n]*'|[^\s:]+)/.exec(text.slice(offset))?.[0] ?? 'A key';
}
