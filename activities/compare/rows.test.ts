import { describe, expect, it } from 'vitest';
import { notesOn } from './notes.ts';
import { averageByLabel, bestRow, type Measurement } from './rows.ts';
import { measurement } from './testdata/measurement.ts';

describe('averageByLabel', () => {
  it('averages the reports of a label, labels in the order they come', () => {
    const rows = averageByLabel([
      measurement({ label: 'pixels', benchmark: 'a', accuracy: 0.8, eer: 0.2, tar: 0.3 }),
      measurement({
        label: 'dcp',
        benchmark: 'a',
        accuracy: 0.9,
        eer: 0.1,
        tar: 0.7,
        seconds: 20,
        headBytes: 100,
      }),
      measurement({ label: 'pixels', benchmark: 'b', accuracy: 0.7, eer: 0.3, tar: 0.1 }),
      measurement({
        label: 'dcp',
        benchmark: 'b',
        accuracy: 1,
        eer: 0,
        tar: 0.9,
        seconds: 30,
        headBytes: 300,
      }),
    ]);
    expect(rows.map(({ label }) => label)).toEqual(['pixels', 'dcp']);
    expect(rows[0]).toMatchObject({ reports: 2, hasModel: false, trainingSeconds: null, headBytes: null });
    expect(rows[1]).toMatchObject({ reports: 2, hasModel: true, trainingSeconds: 25, headBytes: 200 });
    expect(rows[1]?.accuracy.mean).toBeCloseTo(0.95, 12);
    expect(rows[1]?.accuracy.std).toBeCloseTo(0.05, 12);
    expect(rows[0]?.eer.mean).toBeCloseTo(0.25, 12);
    expect(rows[1]?.tarAtFar1e2.mean).toBeCloseTo(0.8, 12);
  });

  it('takes several seeds of one label against one baseline, on equal benchmarks', () => {
    const seeds = [0.9, 0.94].flatMap((accuracy) => [
      measurement({ label: 'dcp', benchmark: 'a', accuracy }),
      measurement({ label: 'dcp', benchmark: 'b', accuracy }),
    ]);
    const baseline = ['a', 'b'].map((benchmark) => measurement({ label: 'pixels', benchmark }));
    expect(averageByLabel([...seeds, ...baseline]).map(({ reports }) => reports)).toEqual([4, 2]);
  });

  it('refuses labels that were measured on other benchmarks, or on some of them more often', () => {
    const refused = (measurements: Measurement[]) => {
      try {
        averageByLabel(measurements);
        return 'compared';
      } catch (error) {
        return `${(error as { code: string }).code}: ${(error as Error).message}`;
      }
    };
    expect(
      refused([measurement({ label: 'fc', benchmark: 'a' }), measurement({ label: 'dcp', benchmark: 'b' })]),
    ).toBe(
      'F2C_REPORTS_DIFFER: The reports of "fc" do not cover the benchmarks of all reports equally often. ' +
        'fc: a (10 identities, 112 pixels, seed 0); dcp: b (10 identities, 112 pixels, seed 0) (compare). ' +
        'Compare reports that `evaluate` made with the same indexes and the same `seed`.',
    );
    const uneven = ['a', 'a', 'b'].map((benchmark) => measurement({ label: 'dcp', benchmark }));
    expect(refused(uneven)).toContain('The reports of "dcp" do not cover');
    expect(refused(uneven.slice(1))).toBe('compared');
  });
});

describe('bestRow', () => {
  const rows = averageByLabel([
    measurement({ label: 'pixels', embedding: 'pixels', accuracy: 0.99, eer: 0.01, tar: 0.99 }),
    measurement({ label: 'fc', accuracy: 0.9, eer: 0.05, tar: 0.6 }),
    measurement({ label: 'dcp', accuracy: 0.95, eer: 0.08, tar: 0.7 }),
    measurement({ label: 'dcp again', accuracy: 0.95, eer: 0.05, tar: 0.7 }),
  ]);

  it('takes the model with the highest accuracy or TAR, or the lowest EER; the first of equal ones', () => {
    expect(bestRow(rows, 'accuracy').label).toBe('dcp');
    expect(bestRow(rows, 'tarAtFar1e2').label).toBe('dcp');
    expect(bestRow(rows, 'eer').label).toBe('fc');
  });

  it('takes a baseline where nothing else was measured', () => {
    expect(bestRow(rows.slice(0, 1), 'eer').label).toBe('pixels');
  });
});

describe('notesOn', () => {
  it('warns of few people, of averages and of a pool as large as the set, with the numbers of the run', () => {
    const folds = ['a', 'b'].map((benchmark) =>
      measurement({ label: 'dcp', benchmark, poolSlots: 28, trained: 30, identities: 12 }),
    );
    expect(notesOn(folds)).toEqual([
      'Means over the reports of a label; ± is their standard deviation.',
      'Only 12 people are held out in a report: differences of a few points mean little.',
      'A pool of 28 slots for 30 training identities saves nothing: with so few identities this shows the path, not the scale: see `npm run bench -- head`.',
    ]);
    expect(notesOn(folds.slice(1))[0]).toBe(
      'Only 12 people are held out: differences of a few points mean little.',
    );
  });

  it('says nothing where there is nothing to say', () => {
    expect(notesOn([measurement({ identities: 100, poolSlots: 49, trained: 100 })])).toEqual([]);
    expect(notesOn([measurement({ identities: 100 })])).toEqual([]);
    expect(notesOn([measurement({ identities: 100, impostors: 399 })])).toEqual([
      'TAR@FAR 1e-2 rests on 399 impostor pairs only.',
    ]);
  });
});
