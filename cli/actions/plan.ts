import { forecast } from '../../activities/forecast.ts';
import { planOf } from '../../activities/reuse.ts';
import { sha256 } from '../../artifacts/canonical.ts';
import { openStore } from '../../artifacts/store.ts';
import { pipelineFile } from '../files.ts';
import { forecastTable, forecastTotals, totalsText } from '../forecast.ts';
import { type OutputOptions, print } from '../output.ts';
import { readParams } from '../params.ts';
import { withServers } from '../servers.ts';

interface PlanOptions extends OutputOptions {
  param?: string[];
}

export async function plan(pipeline: string, { param = [], ...options }: PlanOptions): Promise<void> {
  const { text, file } = await pipelineFile(pipeline);
  const planned = planOf({ text, file, digest: sha256(text) }, readParams(param));
  const { name, summary, source, params } = planned;
  await withServers({ start: false }, async ({ env }) => {
    const steps = await forecast(openStore(env), planned, new AbortController().signal);
    const totals = forecastTotals(steps);
    const told = [`${name}: ${summary}`, '', forecastTable(steps), '', totalsText(totals)].join('\n');
    print(options, { pipeline: name, source, params, steps, totals }, told);
  });
}
