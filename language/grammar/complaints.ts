import type { z } from 'zod';
import type { Json } from '../text/json.ts';
import { nearest } from '../text/nearest.ts';
import type { Path } from '../text/places.ts';

/** What is wrong with a value, as the end of a sentence: "must be at least 1". */
export interface Complaint {
  /** From the value that was checked down to the one that is wrong. */
  path: Path;
  says: string;
  suggestion?: string;
  /** True when the key is wrong rather than the value. */
  key?: true;
}

/** Checks a value and says in plain words what is wrong with it. */
export function checkValue<S extends z.ZodType>(
  schema: S,
  value: Json | undefined,
): { value: z.output<S> } | { complaints: Complaint[] } {
  const result = schema.safeParse(value, { reportInput: true, error: wholeNumbers });
  return result.success ? { value: result.data } : { complaints: result.error.issues.flatMap(complaintsOf) };
}

/** zod itself says of what is no number at all that it should be one, whole or not. */
function wholeNumbers({ code, inst, input, ...issue }: z.core.$ZodRawIssue): string | undefined {
  const isWhole = (inst as z.core.$ZodNumberFormat | undefined)?._zod.def.format === 'safeint';
  if (code !== 'invalid_type' || issue.expected !== 'number' || !isWhole) return undefined;
  return notWhole(input);
}

/** YAML's numbers that cannot be kept exactly come as texts. */
export function notWhole(input: unknown): string {
  const isLarge = typeof input === 'string' && /^[+-]?\d{16,}$/.test(input);
  if (isLarge) return `must be at most ${Number.MAX_SAFE_INTEGER}: this number is too large to be exact`;
  return `must be a whole number, not ${wordFor(input)}`;
}

function complaintsOf(issue: z.core.$ZodIssue): Complaint[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], says: 'is not a known key', key: true }));
  }
  if (issue.code === 'invalid_key') {
    return [{ path, says: issue.issues[0]?.message ?? 'is not a known key', key: true }];
  }
  if (issue.input === undefined && issue.code !== 'custom') return [{ path, says: 'is missing' }];
  const says = predicate(issue);
  const suggestion = suggestionOf(issue);
  return [suggestion === undefined ? { path, says } : { path, says, suggestion }];
}

function suggestionOf(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code === 'custom') return issue.params?.suggestion;
  if (issue.code !== 'invalid_value' || typeof issue.input !== 'string') return undefined;
  return nearest(issue.input, issue.values.map(String));
}

function predicate(issue: z.core.$ZodIssue): string {
  // A schema that has words of its own for what it wants writes them in this form.
  if (issue.message.startsWith('must ')) return issue.message;
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeWord(issue.expected)}, not ${wordFor(issue.input)}`;
    case 'too_small':
      return `must ${bound(issue.origin, issue.inclusive ? 'at least' : 'more than', issue.minimum)}`;
    case 'too_big':
      return `must ${bound(issue.origin, issue.inclusive ? 'at most' : 'less than', issue.maximum)}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? `must be ${String(issue.values[0])}`
        : `must be one of ${issue.values.map(String).join(', ')}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_union':
      return alternatives(issue.errors);
    default:
      return issue.message;
  }
}

function bound(origin: string, than: string, limit: number | bigint): string {
  const unit = { string: 'character', array: 'item' }[origin];
  if (unit === undefined) return `be ${than} ${limit}`;
  return `have ${than} ${limit} ${unit}${limit === 1 ? '' : 's'}`;
}

function alternatives(branches: z.core.$ZodIssue[][]): string {
  const says = branches.flatMap((issues) => (issues[0] === undefined ? [] : [predicate(issues[0])]));
  return says.length === 0 ? 'does not fit' : [...new Set(says)].join(', or ');
}

function typeWord(expected: string): string {
  const words: Record<string, string> = {
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a map',
    record: 'a map',
  };
  return words[expected] ?? `a ${expected}`;
}

/** A value's type in the words of a YAML file. */
export function wordFor(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'number') return String(value);
  return typeof value === 'boolean' ? String(value) : 'a string';
}
