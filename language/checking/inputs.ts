import { type ArtifactPort, plural, withArticle } from '../contract/step.ts';
import { type Bound, type BoundReference, partOf } from '../references/bind.ts';
import type { Findings } from '../text/findings.ts';
import type { Path } from '../text/places.ts';

/** An input of a step: where it stands and what it takes. */
export interface Input {
  name: string;
  /** The step kind. */
  uses: string;
  port: ArtifactPort;
  path: Path;
}

/** Checks that an input is given what it takes: a reference to an artifact of its kind, or a list of them. */
export function checkInput(input: Input, bound: Bound, findings: Findings): void {
  const { name, uses, port, path } = input;
  if ('ref' in bound) checkReference(input, bound, false, findings);
  else if ('list' in bound && port.many) checkList(input, bound.list, findings);
  else if (!isBroken(bound)) {
    const takes = port.many ? `a list of ${plural(port.artifact)}` : withArticle(port.artifact);
    findings.atValue(
      path,
      `\`${name}\` of \`${uses}\` takes ${takes}: a reference such as \${{ steps.STEP.OUTPUT }}`,
    );
  }
}

/** Whether a fault inside is reported already. */
function isBroken(bound: Bound): boolean {
  return 'broken' in bound || ('text' in bound && bound.text.some(isBroken));
}

function checkList(input: Input, items: Bound[], findings: Findings): void {
  if (items.length === 0) {
    findings.atValue(input.path, `\`${input.name}\` of \`${input.uses}\` must have at least 1 item`);
  }
  items.forEach((item, index) => {
    const path = [...input.path, index];
    if ('ref' in item) checkReference(input, item, true, findings);
    else checkInput({ ...input, path, port: { ...input.port, many: false } }, item, findings);
  });
}

function checkReference(input: Input, bound: BoundReference, inList: boolean, findings: Findings): void {
  const { referent, ref, path } = bound;
  const { name, uses, port } = input;
  if (referent.is === 'unknown') return;
  const target = `\`${name}\` of \`${uses}\` takes`;
  const fault = (message: string): void => findings.inText(path, partOf(ref), message);
  if (referent.is !== 'artifact') {
    const word = {
      param: 'a param',
      matrix: 'an axis',
      metric: 'a metric',
      secret: 'a secret',
      run: 'a text',
    }[referent.is];
    fault(`\`${ref.written}\` is ${word}, but ${target} ${withArticle(port.artifact)}`);
  } else if (referent.kind !== port.artifact) {
    fault(`\`${ref.written}\` is ${withArticle(referent.kind)}, but ${target} ${withArticle(port.artifact)}`);
  } else if (referent.many && !port.many) {
    fault(`\`${ref.written}\` is a list of ${plural(referent.kind)}, but ${target} one ${port.artifact}`);
  } else if (!referent.many && port.many && !inList) {
    fault(`\`${ref.written}\` is one ${referent.kind}, but ${target} a list of ${plural(port.artifact)}`);
  }
}
