import { decades, drawCurve } from './chart.ts';
import type { VerificationReport } from './report.ts';

const style = `
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
h2 { font-size: 1.1rem; margin: 0 0 .5rem; }
p { max-width: 44rem; }
table { border-collapse: collapse; margin: 1.5rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; font-weight: normal; border-bottom: 1px solid #e3e8ee; vertical-align: top; }
td { font-weight: 600; }
td small { font-weight: normal; color: #5a6b7b; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 2rem; }
svg { width: 100%; height: auto; font-size: 11px; fill: #5a6b7b; }
svg .grid { stroke: #e3e8ee; }
svg .axis { font-size: 12px; fill: #1c2733; }
svg .curve { fill: none; stroke: #1463b8; stroke-width: 2; stroke-linejoin: round; }
footer { margin-top: 2rem; color: #5a6b7b; font-size: .85rem; overflow-wrap: anywhere; }`;

/** The report as one page for people: no script, no other file. */
export function reportPage(report: VerificationReport): string {
  const title = `${escapeText(report.label)}: face verification`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
<h1>${title}</h1>
<p>${about(report)}</p>
<table>
${figures(report)
  .map(([name, value, remark]) => `<tr><th>${name}<td>${value} <small>${remark}</small>`)
  .join('\n')}
</table>
<div class="plots">
<section><h2>ROC</h2>${rocPlot(report)}</section>
<section><h2>DET</h2>${detPlot(report)}</section>
</div>
<footer>Benchmark ${report.benchmark}, pairs chosen by seed ${report.seed}. Numbers and curve: report.json.</footer>
</html>
`;
}

function about({ embedding, identities, instances, imageSize, pairs }: VerificationReport): string {
  const compared =
    embedding === 'model' ? 'The embeddings of a model' : 'Pixels less the mean training image';
  const all =
    pairs.genuine === pairs.genuineInAll ? 'all there are' : `of ${count(pairs.genuineInAll)} there are`;
  return (
    `${compared}, on ${count(identities)} identities that were held out from training: ${count(instances)} images of ` +
    `${imageSize} × ${imageSize} pixels, ${count(pairs.genuine)} genuine pairs (${all}) and ${count(pairs.impostor)} impostor pairs.`
  );
}

function figures(report: VerificationReport): [name: string, value: string, remark: string][] {
  const { accuracy, threshold, eer, auc, intervals, tarAtFar } = report;
  const range = (bounds: [number, number] | undefined) =>
    bounds === undefined ? '' : `95 %: ${bounds[0].toFixed(4)} to ${bounds[1].toFixed(4)}`;
  return [
    ['Accuracy', accuracy.mean.toFixed(5), `± ${accuracy.std.toFixed(5)} over ten folds`],
    ['Threshold', threshold.toFixed(3), 'squared distance, mean over the folds'],
    ['Equal error rate', eer.toFixed(4), range(intervals?.eer)],
    ['Area under the ROC', auc.toFixed(4), ''],
    ...tarAtFar.map(({ far, tar }): [string, string, string] => [
      `TAR@FAR ${far.toExponential(0)}`,
      tar.toFixed(4),
      far === 1e-2 ? range(intervals?.tarAtFar1e2) : '',
    ]),
  ];
}

function rocPlot({ roc, pairs }: VerificationReport): string {
  return drawCurve(
    'ROC curve',
    { title: 'False acceptance rate', scale: 'log', ticks: decades(1 / pairs.impostor) },
    { title: 'True acceptance rate', scale: 'linear', ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] },
    roc,
  );
}

function detPlot({ roc, pairs }: VerificationReport): string {
  const ticks = decades(1 / pairs.impostor);
  const rejected = roc.map(([far, tar]): [number, number] => [far, 1 - tar]);
  return drawCurve(
    'DET curve',
    { title: 'False acceptance rate', scale: 'log', ticks },
    { title: 'False rejection rate', scale: 'log', ticks },
    rejected,
  );
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
