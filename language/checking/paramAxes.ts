import { type ParamDefinition, paramProblem } from '../grammar/params.ts';
import type { GridAxis } from '../plan/coordinates.ts';
import type { Frame } from '../references/frame.ts';
import { splitText } from '../references/pieces.ts';
import { nameAt } from '../references/reference.ts';
import type { Findings } from '../text/findings.ts';
import type { Json } from '../text/json.ts';
import { nearest } from '../text/nearest.ts';
import { own } from '../text/own.ts';
import type { ParamProblem } from '../text/problems.ts';
import type { KnownParams } from './values.ts';

/** Where the values of an axis may come from beside its file. */
export interface AxisParams {
  definitions: ReadonlyMap<string, ParamDefinition | undefined>;
  known: KnownParams;
  /** Params whose values are known only when a run is under way, or differ by axis. */
  given: Frame['given'];
  problems: ParamProblem[];
}

/** An axis whose values are those of a list param, `${{ params.NAME }}`. Undefined if it cannot be one. */
export function readParamAxis(
  step: string,
  name: string,
  text: string,
  { definitions, known, given, problems }: AxisParams,
  findings: Findings,
): GridAxis | undefined {
  const path = ['steps', step, 'matrix', name];
  const pieces = splitText(text.trim());
  const reference =
    pieces.length === 1 && pieces[0] && 'reference' in pieces[0] ? pieces[0].reference : undefined;
  if (reference?.reference.from !== 'params') {
    findings.atValue(
      path,
      `\`${name}\` must be a list, or one list param and nothing else: \${{ params.NAME }}`,
    );
    return undefined;
  }
  const { param } = reference.reference;
  if (!definitions.has(param)) {
    findings.inText(
      path,
      nameAt(reference, 1),
      `The pipeline has no param \`${param}\``,
      nearest(param, definitions.keys()),
    );
    return undefined;
  }
  const definition = definitions.get(param);
  if (definition === undefined) return undefined;
  if (definition.type !== 'list' || definition.items === undefined) {
    findings.atValue(path, `\`${param}\` is a param of type ${definition.type}, but an axis takes a list`);
    return undefined;
  }
  if (Object.hasOwn(given, param)) {
    findings.atValue(path, `\`${param}\` gives an axis its values, so it must be known before the run`);
    return undefined;
  }
  const values = own(known.values, param) as Json[] | undefined;
  const axis = { name, origin: step, values: [...(values ?? [])], param };
  if (values === undefined) return { ...axis, open: definition.items };
  const fault = faultOf(values, param);
  if (fault === undefined) return axis;
  const message = `${fault}, but they are the values of the axis \`${name}\` of \`${step}\``;
  if (known.given.has(param)) problems.push(paramProblem(param, message));
  else findings.atValue(path, `${message}; it is ${JSON.stringify(values)} by default`);
  return undefined;
}

function faultOf(values: readonly Json[], param: string): string | undefined {
  if (values.length === 0) return `\`${param}\` has no items`;
  // Two that look the same would give two instances the same id.
  const seen = new Set<string>();
  const twice = values.findIndex((value) => seen.size === seen.add(String(value)).size);
  return twice === -1 ? undefined : `\`${param}[${twice}]\` is there a second time`;
}
