import type { Json, JsonObject } from '../language/text/json.ts';
import { canonicalJson, short } from './canonical.ts';
import type { KeyParts } from './manifest.ts';

type Digests = string | string[] | undefined;

/** Why two content keys differ, as a list for people: `marginValue 0.4 -> 0.5`, `the source changed`. */
export function explainChange(before: KeyParts, now: KeyParts): string[] {
  if (before.step !== now.step) return [`step ${before.step} -> ${now.step}`];
  const changes: string[] = [];
  if (before.version !== now.version) changes.push(`${now.step} v${before.version} -> v${now.version}`);
  changes.push(...paramChanges(before.params, now.params));
  for (const name of names(before.inputs, now.inputs)) {
    const change = inputChange(before.inputs[name], now.inputs[name]);
    if (change !== undefined) changes.push(`input ${name} ${change}`);
  }
  if (before.fingerprint !== now.fingerprint) changes.push('the source changed');
  return changes;
}

/** How params differ, by name: `marginValue 0.4 -> 0.5`, `seed unset -> 7`. */
export function paramChanges(before: JsonObject, now: JsonObject): string[] {
  return names(before, now).flatMap((name) => {
    const [old, fresh] = [valueText(before[name]), valueText(now[name])];
    return old.exact === fresh.exact ? [] : [`${name} ${old.brief} -> ${fresh.brief}`];
  });
}

function names(before: object, now: object): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
}

function valueText(value: Json | undefined): { exact: string; brief: string } {
  if (value === undefined) return { exact: 'unset', brief: 'unset' };
  const exact = canonicalJson(value);
  return { exact, brief: exact.length > 60 ? `${exact.slice(0, 59)}…` : exact };
}

function inputChange(before: Digests, now: Digests): string | undefined {
  if (before === undefined) return now === undefined ? undefined : 'is new';
  if (now === undefined) return 'is gone';
  if (typeof before === 'string' && typeof now === 'string') {
    return before === now ? undefined : `changed (${short(before)} -> ${short(now)})`;
  }
  const [old, fresh] = [[before].flat(), [now].flat()];
  if (old.length === fresh.length && old.every((digest, i) => digest === fresh[i])) return undefined;
  const added = fresh.filter((digest) => !old.includes(digest)).length;
  if (added === 0 && old.length === fresh.length) return 'changed (another order)';
  return `changed (${old.length} -> ${fresh.length} artifacts, ${added} new)`;
}
