import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ancestor } from '../../artifacts/lineage.ts';
import type { Manifest } from '../../artifacts/manifest.ts';
import { F2cError } from '../../errors/failure.ts';
import { verificationReport } from '../evaluate/report.ts';
import { implement, type StepContext } from '../step.ts';
import { compareStep } from './contract.ts';
import { notesOn } from './notes.ts';
import { averageByLabel, bestRow, type Measurement, type Training } from './rows.ts';
import { comparisonTable } from './table.ts';

/**
 * The seconds of training are in the files, and so in this report's digest, although they differ from one
 * training to the next: they are those of the very checkpoints behind the reports, so the same inputs give
 * the same comparison, and no other step reads it.
 */
export const runCompare = implement(compareStep, async ({ reports, by }, step) => {
  if (reports.length === 0) throw nothingToCompare('There is no report to compare');
  const measurements: Measurement[] = [];
  for (const report of reports) {
    measurements.push(await readMeasurement(report, step));
    step.progress({ done: measurements.length, total: reports.length, unit: 'reports' });
  }
  const rows = averageByLabel(measurements);
  const notes = notesOn(measurements);
  const best = bestRow(rows, by);
  const comparison = { comparisonVersion: 1, by, best: best.label, rows, notes };
  return {
    files: {
      'comparison.json': Buffer.from(`${JSON.stringify(comparison, null, 1)}\n`),
      'comparison.md': Buffer.from(comparisonTable(rows, notes)),
    },
    facts: { by, best: best.label, labels: rows.map((row) => row.label), reports: reports.length },
    metrics: { best: best[by].mean },
  };
});

async function readMeasurement(report: Manifest, step: StepContext): Promise<Measurement> {
  if (report.files['report.json'] === undefined) {
    throw nothingToCompare(
      `The report ${report.key.slice(0, 12)} made by ${report.madeBy.step} holds no measurement`,
    );
  }
  const text = await readFile(await step.open(report, 'report.json'), 'utf8');
  return {
    report: verificationReport.parse(JSON.parse(text)),
    training:
      report.inputs.model === undefined
        ? undefined
        : trainingOf(await ancestor(step.store, report, 'checkpoint')),
  };
}

const count = z.number().nullable().catch(null);
const checkpointFacts = z.object({ headBytes: count, poolSlots: count, identities: count });

function trainingOf({ facts, measured }: Manifest): Training {
  return { seconds: measured.trainingSeconds ?? null, ...checkpointFacts.parse(facts) };
}

function nothingToCompare(what: string): F2cError {
  return new F2cError('F2C_REPORTS_DIFFER', {
    what,
    where: 'compare',
    fix: 'Give `reports` those of `evaluate` steps: "${{ steps.<evaluate step>.*.report }}"',
  });
}
