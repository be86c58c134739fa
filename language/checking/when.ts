import { type Bound, bind } from '../references/bind.ts';
import type { When } from '../references/frame.ts';
import type { Scope } from '../references/scope.ts';
import { typeOfLiteral, typeOfReferent } from '../references/typing.ts';
import type { Findings } from '../text/findings.ts';
import type { KnownParams } from './values.ts';

/** The `when` of a step: one expression that is true or false. Empty where there is none. */
export function checkWhen(scope: Scope, known: KnownParams, findings: Findings): When[] {
  const { id, when } = scope.step;
  if (when === undefined) return [];
  const path = ['steps', id, 'when'];
  const bound = bind(when.trim(), path, scope, findings);
  const word = otherThanTruth(bound);
  if (word !== undefined) {
    findings.atValue(path, `\`when\` must be an expression that is true or false, not ${word}`);
  }
  return [{ bound, params: known.values, written: writtenOf(when) }];
}

/** What stands between the braces. */
function writtenOf(when: string): string {
  return when.trim().replace(/^\$\{\{\s*|\s*\}\}$/g, '');
}

/** What an expression is that is neither true nor false; undefined where it may be. */
function otherThanTruth(bound: Bound): string | undefined {
  if ('broken' in bound) return undefined;
  if ('text' in bound) return bound.text.some((part) => 'broken' in part) ? undefined : 'a text';
  if ('ref' in bound && bound.referent.is === 'artifact') return `a ${bound.referent.kind}`;
  if ('ref' in bound && bound.referent.is === 'secret') return 'a secret';
  const type = typeOf(bound);
  return type === undefined || type.types.includes('boolean') ? undefined : type.word;
}

function typeOf(bound: Bound) {
  if ('literal' in bound) return typeOfLiteral(bound.literal);
  if ('op' in bound) return bound.type;
  return 'ref' in bound ? typeOfReferent(bound.referent) : undefined;
}
