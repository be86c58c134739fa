/**
 * References as they are written: `params.x`, `steps.a.out`, `steps.a.*.out`, `matrix.axis`, `secrets.X` and
 * `run.status`. This file alone knows their form.
 */
import { nearest } from './nearest.ts';
import { type Reference, runFacts } from './plan.ts';
import { secretName } from './secretText.ts';

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
  /** The name between the dots at this place; 0 is `steps`. */
  nameAt(index: number): Part;
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
  const whole = { offset, length: written.length };
  const names = written.split('.');
  const nameAt = (index: number): Part => ({
    offset: offset + names.slice(0, index).reduce((sum, part) => sum + part.length + 1, 0),
    length: names[index]?.length ?? 0,
  });
  const reference = referenceOf(names);
  if (reference !== undefined) return { reference: { ...whole, written, reference, nameAt } };
  const root = names[0] ?? '';
  if (name.test(root) && !roots.includes(root)) {
    return {
      fault: {
        ...nameAt(0),
        message: `References begin with \`params\`, \`steps\`, \`matrix\`, \`secrets\` or \`run\`, not \`${root}\``,
      },
    };
  }
  if (root === 'secrets' && names.length === 2) {
    const message = 'Secrets have names of capital letters, digits and _, such as SLACK_HOOK';
    return { fault: { ...nameAt(1), message } };
  }
  if (root === 'run' && names.length === 2) {
    const suggestion = nearest(names[1] ?? '', runFacts);
    const message = `\`run\` has ${runFacts.join(', ')}`;
    return { fault: { ...nameAt(1), message, ...(suggestion !== undefined && { suggestion }) } };
  }
  return { fault: { ...whole, message: `\`${written}\` is not a reference; write ${forms}` } };
}

function referenceOf(names: string[]): SourceReference | undefined {
  const [root, first = '', second = '', third = ''] = names;
  const named = (...parts: string[]): boolean => parts.every((part) => name.test(part));
  if (root === 'params' && names.length === 2 && named(first)) return { from: 'params', param: first };
  if (root === 'matrix' && names.length === 2 && named(first)) return { from: 'matrix', axis: first };
  if (root === 'secrets' && names.length === 2 && secretName.test(first)) {
    return { from: 'secrets', secret: first };
  }
  const fact = runFacts.find((each) => each === first);
  if (root === 'run' && names.length === 2 && fact !== undefined) return { from: 'run', fact };
  if (root !== 'steps') return undefined;
  if (names.length === 3 && named(first, second)) {
    return { from: 'steps', step: first, output: second, gather: false };
  }
  if (names.length === 4 && second === '*' && named(first, third)) {
    return { from: 'steps', step: first, output: third, gather: true };
  }
  return undefined;
}
