import { describe, expect, it } from 'vitest';
import { averageByLabel } from './rows.ts';
import { bytesText, comparisonTable, durationText } from './table.ts';
import { measurement } from './testdata/measurement.ts';

describe('comparisonTable', () => {
  it('is Markdown whose columns line up', () => {
    const rows = averageByLabel([
      measurement({ label: 'pixels', accuracy: 0.8561, eer: 0.1502, tar: 0.3 }),
      measurement({ label: 'fc', accuracy: 0.94, eer: 0.08, tar: 0.75, seconds: 23.4, headBytes: 61_440 }),
      measurement({ label: 'dcp | 28', accuracy: 0.9, eer: 0.1, tar: 0.7, seconds: 65, headBytes: 900 }),
      measurement({ label: 'dcp | 28', accuracy: 0.94, eer: 0.06, tar: 0.8, seconds: 70, headBytes: 900 }),
    ]);
    expect(comparisonTable(rows, ['One note.', 'Another.'])).toBe(
      [
        '| Label     |      Accuracy |           EER |  TAR@FAR 1e-2 |  Training | Head memory |',
        '| --------- | ------------: | ------------: | ------------: | --------: | ----------: |',
        '| pixels    |         0.856 |         0.150 |         0.300 |         – |           – |',
        '| fc        |         0.940 |         0.080 |         0.750 |      23 s |    60.0 KiB |',
        '| dcp \\| 28 | 0.920 ± 0.020 | 0.080 ± 0.020 | 0.750 ± 0.050 | 1 min 8 s |       900 B |',
        '',
        'One note.',
        '',
        'Another.',
        '',
      ].join('\n'),
    );
  });

  it('ends after the table when there are no notes', () => {
    const lines = comparisonTable(averageByLabel([measurement({})]), []).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toBe('');
  });
});

describe('durationText', () => {
  it('names the two largest units', () => {
    expect([0.2, 59.4, 59.6, 3599, 3600, 90_061].map(durationText)).toEqual([
      '0 s',
      '59 s',
      '1 min 0 s',
      '59 min 59 s',
      '1 h 0 min',
      '25 h 1 min',
    ]);
  });
});

describe('bytesText', () => {
  it('takes the largest unit that fits', () => {
    expect([0, 1023, 1024, 1536, 2 ** 20, 40.5 * 2 ** 30].map(bytesText)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 KiB',
      '1.0 MiB',
      '40.5 GiB',
    ]);
  });
});
