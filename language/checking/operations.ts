import { paramProblem } from '../grammar/params.ts';
import { type Coordinates, combinations, type Grid } from '../plan/coordinates.ts';
import {
  type Bound,
  type BoundOperation,
  dependsOnAxis,
  operationResult,
  operationsIn,
} from '../references/bind.ts';
import type { Findings } from '../text/findings.ts';
import type { ParamProblem } from '../text/problems.ts';
import { givenParam, type KnownParams } from './values.ts';

/** Reports the expressions that have no value, such as a division by zero, at any of the axes' values. */
export function checkOperations(
  values: readonly Bound[],
  grid: Grid,
  known: KnownParams,
  findings: Findings,
  paramProblems: ParamProblem[],
): void {
  for (const operation of values.flatMap(operationsIn)) {
    const used = grid.axes.filter((axis) => dependsOnAxis(operation, axis));
    const fault = faultOf(operation, combinations(grid, used), known);
    if (fault === undefined) continue;
    const message = `The expression has no value: ${fault}`;
    const given = givenParam(operation, known);
    if (given === undefined) findings.inText(operation.path, operation.part, message);
    else paramProblems.push(paramProblem(given, `\`${given}\`: ${message}`));
  }
}

function faultOf(
  operation: BoundOperation,
  places: readonly Coordinates[],
  known: KnownParams,
): string | undefined {
  for (const at of places) {
    const result = operationResult(operation, known.values, at);
    if ('fault' in result) return result.fault;
  }
  return undefined;
}
