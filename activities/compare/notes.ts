import type { Measurement } from './rows.ts';

const fewIdentities = 100;
const fewFalseAcceptances = 4;

/** What a reader must know to read the table rightly, from the facts of what was measured. */
export function notesOn(measurements: Measurement[]): string[] {
  const notes = new Set<string>();
  const identities = Math.min(...measurements.map(({ report }) => report.identities));
  const impostors = Math.min(...measurements.map(({ report }) => report.pairs.impostor));
  const benchmarks = new Set(measurements.map(({ report }) => report.benchmark)).size;
  const labels = new Set(measurements.map(({ report }) => report.label)).size;

  if (measurements.length > labels) {
    notes.add('Means over the reports of a label; ± is their standard deviation.');
  }
  if (identities < fewIdentities) {
    const where = benchmarks > 1 ? ' in a report' : '';
    notes.add(`Only ${identities} people are held out${where}: differences of a few points mean little.`);
  }
  if (impostors * 1e-2 < fewFalseAcceptances) {
    notes.add(`TAR@FAR 1e-2 rests on ${impostors} impostor pairs only.`);
  }
  for (const { training } of measurements) {
    const { poolSlots, identities: trained } = training ?? {};
    if (!poolSlots || !trained || poolSlots < trained / 2) continue;
    notes.add(
      `A pool of ${poolSlots} slots for ${trained} training identities saves nothing: with so few identities ` +
        'this shows the path, not the scale: see `npm run bench -- head`.',
    );
  }
  return [...notes];
}
