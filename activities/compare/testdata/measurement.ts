import type { VerificationReport } from '../../evaluate/report.ts';
import type { Measurement } from '../rows.ts';

interface Given {
  label?: string;
  benchmark?: string;
  embedding?: 'model' | 'pixels';
  accuracy?: number;
  eer?: number;
  tar?: number;
  identities?: number;
  impostors?: number;
  seconds?: number;
  headBytes?: number;
  poolSlots?: number;
  trained?: number;
}

/** A report with the given numbers, and the training behind it unless it is one of pixels. */
export function measurement(given: Given): Measurement {
  const report = reportOf(given);
  if (report.embedding === 'pixels') return { report };
  const { seconds = null, headBytes = null, poolSlots = null, trained = null } = given;
  return { report, training: { seconds, headBytes, poolSlots, identities: trained } };
}

export function reportOf(given: Given): VerificationReport {
  const { label = 'model', identities = 10, impostors = 450, accuracy = 0.9, eer = 0.1, tar = 0.5 } = given;
  return {
    reportVersion: 1,
    label,
    embedding: given.embedding ?? (label === 'pixels' ? 'pixels' : 'model'),
    benchmark: given.benchmark ?? 'a',
    seed: 0,
    imageSize: 112,
    identities,
    instances: 10 * identities,
    pairs: { genuine: impostors, impostor: impostors, genuineInAll: impostors },
    accuracy: { mean: accuracy, std: 0.01 },
    threshold: 1.5,
    folds: [],
    eer,
    auc: 1 - eer,
    tarAtFar1e2: tar,
    tarAtFar: [{ far: 1e-2, tar }],
    intervals: null,
    roc: [
      [0, 0],
      [1, 1],
    ],
  };
}
