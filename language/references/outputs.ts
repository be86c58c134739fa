import type { ArtifactKind, StepContract } from '../contract/step.ts';
import type { StepReference } from '../plan/plan.ts';
import type { Findings } from '../text/findings.ts';
import { splitText } from './pieces.ts';
import { lookUpOutput, type Scope } from './scope.ts';

/** What a step or a pipeline makes that others may use. `source` is the step that makes it, by its id in the plan. */
export type Output =
  | { is: 'artifact'; kind: ArtifactKind; many: boolean; source: StepReference }
  | { is: 'metric'; many: boolean; source: StepReference }
  /** Something reported elsewhere hides it. */
  | { is: 'unknown' };

export type Outputs = Readonly<Record<string, Output>>;

export function outputsOfContract({ outputs }: StepContract, id: string): Outputs {
  const entries = Object.entries(outputs).map(([name, port]): [string, Output] => {
    const source: StepReference = { from: 'steps', step: id, output: name, gather: false };
    return [
      name,
      port.port === 'metric'
        ? { is: 'metric', many: false, source }
        : { is: 'artifact', kind: port.artifact, many: false, source },
    ];
  });
  return Object.fromEntries(entries);
}

/** The `outputs` of a file: each is a reference to what one of its steps makes. */
export function checkOutputs({ draft, ...scope }: Omit<Scope, 'step'>, findings: Findings): Outputs {
  const entries = [...draft.outputs].map(([name, text]) => {
    return [name, checkOutput(text, ['outputs', name], { draft, ...scope }, findings)] as const;
  });
  return Object.fromEntries(entries);
}

function checkOutput(
  text: string,
  path: [string, string],
  scope: Omit<Scope, 'step'>,
  findings: Findings,
): Output {
  const [piece, ...others] = splitText(text.trim());
  if (piece !== undefined && 'fault' in piece) {
    const { message, suggestion, ...part } = piece.fault;
    findings.inText(path, part, message, suggestion);
  } else if (piece === undefined || !('reference' in piece) || others.length > 0) {
    findings.atValue(
      path,
      `\`${path[1]}\` must be a reference to what a step makes: \${{ steps.STEP.OUTPUT }}`,
    );
  } else if (piece.reference.reference.from !== 'steps') {
    const message = `\`${piece.reference.written}\` is made by no step; write \`steps.STEP.OUTPUT\` or \`steps.STEP.*.OUTPUT\``;
    findings.inText(path, piece.reference, message);
  } else {
    const found = lookUpOutput(piece.reference.reference, piece.reference, scope, undefined);
    if ('is' in found) return found;
    const { message, suggestion, ...part } = found.fault;
    findings.inText(path, part, message, suggestion);
  }
  return { is: 'unknown' };
}
