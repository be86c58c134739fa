import { describe, expect, it } from 'vitest';
import { decades } from './chart.ts';
import { reportPage } from './page.ts';
import { choosePairs } from './pairs.ts';
import { createRandom } from './random.ts';
import { verificationReport, verify } from './report.ts';

/** A report on distances drawn at random, genuine ones smaller on the whole. */
function drawReport(identities: number, label = 'dcp 10 %') {
  const first = Float64Array.from({ length: identities + 1 }, (_, n) => n * 10);
  const pairs = choosePairs(first, 5);
  const random = createRandom('report');
  const distances = Float64Array.from(
    pairs.genuine,
    (one) => (random.below(2000) + (one === 1 ? 0 : 1000)) / 1000,
  );
  const about = {
    first,
    label,
    embedding: 'model',
    benchmark: 'be'.repeat(32),
    seed: 5,
    imageSize: 112,
  } as const;
  return verify(distances, pairs, about, new AbortController().signal);
}

describe('verify', () => {
  it('gives these numbers for these distances', async () => {
    const { folds, roc, ...report } = await drawReport(10);
    expect(report).toMatchInlineSnapshot(`
      {
        "accuracy": {
          "mean": 0.7544444444444445,
          "std": 0.044845413490245706,
        },
        "auc": 0.8831604938271604,
        "benchmark": "bebebebebebebebebebebebebebebebebebebebebebebebebebebebebebebebe",
        "eer": 0.24444444444444444,
        "embedding": "model",
        "identities": 10,
        "imageSize": 112,
        "instances": 100,
        "intervals": {
          "eer": [
            0.19777777777777783,
            0.28888888888888886,
          ],
          "tarAtFar1e2": [
            0.44222222222222224,
            0.5711111111111111,
          ],
        },
        "label": "dcp 10 %",
        "pairs": {
          "genuine": 450,
          "genuineInAll": 450,
          "impostor": 450,
        },
        "reportVersion": 1,
        "seed": 5,
        "tarAtFar": [
          {
            "far": 0.1,
            "tar": 0.62,
          },
          {
            "far": 0.01,
            "tar": 0.5088888888888888,
          },
        ],
        "tarAtFar1e2": 0.5088888888888888,
        "threshold": 1.6800000000000002,
      }
    `);
    expect(folds[0]).toMatchInlineSnapshot(`
      {
        "accuracy": 0.7555555555555555,
        "threshold": 1.74,
      }
    `);
    expect(roc.length).toMatchInlineSnapshot(`399`);
  });

  it('reports no false acceptance rate that rests on fewer than four impostor pairs', async () => {
    const rates = async (identities: number) => (await drawReport(identities)).tarAtFar.map(({ far }) => far);
    expect(await rates(3)).toEqual([0.1]);
    expect(await rates(10)).toEqual([0.1, 0.01]);
    expect(await rates(100)).toEqual([0.1, 0.01, 0.001]);
  });

  it('fits the schema of reports after a round trip', async () => {
    const report = await drawReport(10);
    expect(verificationReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });
});

describe('reportPage', () => {
  it('is one page for people, with figures, curves and where they come from', async () => {
    const page = reportPage(await drawReport(10, '<b>"dcp" & co'));
    expect(page).toContain('<title>&lt;b>&quot;dcp&quot; &amp; co: face verification</title>');
    expect(page).toContain('450 genuine pairs (all there are) and 450 impostor pairs.');
    expect(page).toContain('<th>TAR@FAR 1e-2<td>');
    expect(page).toContain(`Benchmark ${'be'.repeat(32)}, pairs chosen by seed 5.`);
    expect(page).toContain('aria-label="ROC curve"');
    expect(page).toContain('aria-label="DET curve"');
    const ticks = [...page.matchAll(/text-anchor="(?:middle|end)">([\d.e-]+)</g)].map(([, text]) => text);
    const decadeTicks = ['1e-3', '0.01', '0.1', '1'];
    const shareTicks = ['0', '0.2', '0.4', '0.6', '0.8', '1'];
    expect(ticks).toEqual([...decadeTicks, ...shareTicks, ...decadeTicks, ...decadeTicks]);
    expect(page).not.toMatch(/NaN|Infinity|undefined|https?:/);
  });

  it('draws the ROC from no to full acceptance inside its frame', async () => {
    const [, roc] =
      /aria-label="ROC curve"[\s\S]*?points="([^"]+)"/.exec(reportPage(await drawReport(10))) ?? [];
    const points = (roc as string)
      .split(' ')
      .map((point) => point.split(',').map(Number) as [number, number]);
    expect(points.at(-1)).toEqual([444, 12]);
    for (const [i, [x, y]] of points.entries()) {
      expect(x >= 62 && x <= 444 && y >= 12 && y <= 288).toBe(true);
      const [beforeX, beforeY] = points[Math.max(0, i - 1)] as [number, number];
      expect(x >= beforeX && y <= beforeY).toBe(true);
    }
  });
});

describe('decades', () => {
  it('ends at 1 and begins at or below the smallest value', () => {
    expect(decades(1 / 450)).toEqual([1e-3, 1e-2, 1e-1, 1]);
    expect(decades(1e-3)).toEqual([1e-3, 1e-2, 1e-1, 1]);
    expect(decades(0.5)).toEqual([0.1, 1]);
  });
});
