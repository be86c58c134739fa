/**
 * References as they are written: `params.x`, `steps.a.out`, `steps.a.*.out`, `matrix.axis`, `secrets.X` and
 * `run.status`. This file alone knows their form.
 */

import { secretName } from '../contract/secretText.ts';
import { type Reference, runFacts } from '../plan/plan.ts';
import { nearest } from '../text/nearest.ts';

type SourceReference = Reference | { from: 'params'; param: string } | { from: 'secrets'; secret: string };

/** A part of a text, counted in characters from its start. */
export interface Part {
  offset: number;
  length: number;
}

export interface ReferenceText extends Part {
  /** As it is written, without blanks: `steps.a.*.out`. */
  written: string;
  reference: SourceReference;
}

export interface ReferenceFault extends Part {
  message: string;
  suggestion?: string;
}

export const forms =
  '`params.NAME`, `steps.STEP.OUTPUT`, `steps.STEP.*.OUTPUT`, `matrix.AXIS`, `secrets.NAME` or, in `always`, `run.status`';
const roots = ['params', 'steps', 'matrix', 'secrets', 'run'];
const name = /^[A-Za-z][A-Za-z0-9_-]*$/;

/** Reads a reference that stands at `offset` of its string. */
export function readReference(
  written: string,
  offset: number,
): { reference: ReferenceText } | { fault: ReferenceFault } {
  const whole = { offset, length: written.length, written };
  const names = written.split('.');
  const reference = referenceOf(names);
  if (reference !== undefined) return { reference: { ...whole, reference } };
  return { fault: faultOf(whole, names) };
}

/** The name between the dots at this place; 0 is `steps`. */
export function nameAt({ offset, written }: Pick<ReferenceText, 'offset' | 'written'>, index: number): Part {
  const names = written.split('.');
  const before = names.slice(0, index).reduce((sum, name) => sum + name.length + 1, 0);
  return { offset: offset + before, length: names[index]?.length ?? 0 };
}

function faultOf(
  text: Pick<ReferenceText, 'offset' | 'length' | 'written'>,
  names: readonly string[],
): ReferenceFault {
  const { offset, length, written } = text;
  const root = names[0] ?? '';
  if (name.test(root) && !roots.includes(root)) {
    const message = `References begin with \`params\`, \`steps\`, \`matrix\`, \`secrets\` or \`run\`, not \`${root}\``;
    return { ...nameAt(text, 0), message };
  }
  if (root === 'secrets' && names.length === 2) {
    const message = 'Secrets have names of capital letters, digits and _, such as SLACK_HOOK';
    return { ...nameAt(text, 1), message };
  }
  if (root === 'run' && names.length === 2) {
    const suggestion = nearest(names[1] ?? '', runFacts);
    const message = `\`run\` has ${runFacts.join(', ')}`;
    return { ...nameAt(text, 1), message, ...(suggestion !== undefined && { suggestion }) };
  }
  return { offset, length, message: `\`${written}\` is not a reference; write ${forms}` };
}

function referenceOf(names: readonly string[]): SourceReference | undefined {
  const [root, first = ''] = names;
  if (root === 'steps') return outputOf(names);
  if (names.length !== 2) return undefined;
  if (root === 'params' && name.test(first)) return { from: 'params', param: first };
  if (root === 'matrix' && name.test(first)) return { from: 'matrix', axis: first };
  if (root === 'secrets' && secretName.test(first)) return { from: 'secrets', secret: first };
  const fact = root === 'run' ? runFacts.find((each) => each === first) : undefined;
  return fact && { from: 'run', fact };
}

function outputOf([, step = '', ...rest]: readonly string[]): SourceReference | undefined {
  const gather = rest[0] === '*';
  const [output = '', ...others] = gather ? rest.slice(1) : rest;
  const isOne = others.length === 0 && name.test(step) && name.test(output);
  return isOne ? { from: 'steps', step, output, gather } : undefined;
}
