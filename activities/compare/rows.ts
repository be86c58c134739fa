import { F2cError } from '../../errors/failure.ts';
import { meanAndStd } from '../evaluate/folds.ts';
import type { VerificationReport } from '../evaluate/report.ts';

/** A report and what the checkpoint behind its model says; a baseline has no training. */
export interface Measurement {
  report: VerificationReport;
  training?: Training | undefined;
}

export interface Training {
  seconds: number | null;
  headBytes: number | null;
  /** Null for a head without a pool. */
  poolSlots: number | null;
  identities: number | null;
}

/** Mean over the reports of a label, and their population standard deviation. */
export interface Average {
  mean: number;
  std: number;
}

/** The metrics that are averaged and that can decide which label is best. */
export type Compared = 'accuracy' | 'eer' | 'tarAtFar1e2';

/** One line of the table. */
export interface Row extends Record<Compared, Average> {
  label: string;
  reports: number;
  hasModel: boolean;
  /** Mean seconds of training, and mean bytes of the head. */
  trainingSeconds: number | null;
  headBytes: number | null;
}

/** One row a label, in the order in which the labels come first. */
export function averageByLabel(measurements: Measurement[]): Row[] {
  const groups = groupByLabel(measurements);
  checkBenchmarks(groups);
  return [...groups].map(([label, members]) => {
    const average = (metric: (report: VerificationReport) => number) =>
      meanAndStd(members.map(({ report }) => metric(report)));
    return {
      label,
      reports: members.length,
      hasModel: members.some(({ report }) => report.embedding === 'model'),
      accuracy: average((report) => report.accuracy.mean),
      eer: average((report) => report.eer),
      tarAtFar1e2: average((report) => report.tarAtFar1e2),
      trainingSeconds: meanOfKnown(members.map(({ training }) => training?.seconds)),
      headBytes: meanOfKnown(members.map(({ training }) => training?.headBytes)),
    };
  });
}

function groupByLabel(measurements: Measurement[]): Map<string, Measurement[]> {
  const groups = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const { label } = measurement.report;
    groups.set(label, [...(groups.get(label) ?? []), measurement]);
  }
  return groups;
}

/** The row with the best mean; baselines without a model only compete among themselves. */
export function bestRow(rows: Row[], by: Compared): Row {
  const withModel = rows.filter((row) => row.hasModel);
  const candidates = withModel.length > 0 ? withModel : rows;
  const better = (a: Row, b: Row) => (by === 'eer' ? a.eer.mean < b.eer.mean : a[by].mean > b[by].mean);
  return candidates.reduce((best, row) => (better(row, best) ? row : best));
}

/**
 * Labels can be compared if each was measured on the same benchmarks, and on each of them equally often:
 * else a label with more reports on easy people would look better.
 */
function checkBenchmarks(groups: Map<string, Measurement[]>): void {
  const all = new Set([...groups.values()].flat().map(({ report }) => report.benchmark));
  for (const [label, members] of groups) {
    const times = new Set(
      [...all].map((benchmark) => members.filter(({ report }) => report.benchmark === benchmark).length),
    );
    if (times.size === 1) continue;
    const lines = [...groups].map(
      ([name, reports]) => `${name}: ${reports.map(describeBenchmark).join(', ')}`,
    );
    throw new F2cError('F2C_REPORTS_DIFFER', {
      what: `The reports of ${JSON.stringify(label)} do not cover the benchmarks of all reports equally often. ${lines.join('; ')}`,
      where: 'compare',
      fix: 'Compare reports that `evaluate` made with the same indexes and the same `seed`',
    });
  }
}

function describeBenchmark({ report }: Measurement): string {
  const { benchmark, identities, imageSize, seed } = report;
  return `${benchmark.slice(0, 8)} (${identities} identities, ${imageSize} pixels, seed ${seed})`;
}

function meanOfKnown(values: (number | null | undefined)[]): number | null {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length === 0 ? null : meanAndStd(known).mean;
}
