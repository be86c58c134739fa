import type { Grid } from '../plan/coordinates.ts';
import type { JsonObject } from '../text/json.ts';
import type { Bound } from './bind.ts';

/** Where the steps of a file stand in a plan: at its top, or inside of a step that uses their pipeline. */
export interface Frame {
  /** Stands before the ids of the steps: nothing, or `folds.`. */
  prefix: string;
  /** Axes of the steps around them, the outermost first. */
  grid: Grid;
  /** What the steps around them wait for by name. */
  needs: readonly Needed[];
  /** What must be true for the steps around them. */
  whens: readonly When[];
  /** Params that are given a value which only the run knows, or which differs by axis. */
  given: Readonly<Record<string, Given>>;
}

/** A step, or all steps of a sub-pipeline, by the id in the plan. */
export interface Needed {
  id: string;
  isPipeline: boolean;
}

/** A value in the words of the file around, whose params have the values beside it. */
export interface Given {
  bound: Bound;
  params: JsonObject;
}

export interface When extends Given {
  /** The expression as it stands in its file. */
  written: string;
}

export const top: Frame = { prefix: '', grid: { axes: [] }, needs: [], whens: [], given: {} };
