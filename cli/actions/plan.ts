import { withArtifacts } from '../../activities/artifactParams.ts';
import { forecast } from '../../activities/forecast.ts';
import { findPipeline } from '../../activities/pipelines.ts';
import { checkOwnSteps } from '../../activities/registry.ts';
import { planOf } from '../../activities/reuse.ts';
import { usedPipelines } from '../../activities/usedPipelines.ts';
import { openStore } from '../../artifacts/store.ts';
import type { Selection } from '../../language/plan/selection.ts';
import { isFile, pipelineFile } from '../files.ts';
import { forecastTable, forecastTotals, totalsText, trainingTexts } from '../forecast.ts';
import { type OutputOptions, print } from '../output.ts';
import { readParams } from '../params.ts';
import { refuseWrong } from '../refusing.ts';
import { withServers } from '../servers.ts';

interface PlanOptions extends OutputOptions, Selection {
  param?: string[];
}

export async function plan(
  pipeline: string,
  { param = [], json = false, ...selection }: PlanOptions,
): Promise<void> {
  await checkOwnSteps();
  const wanted = { params: readParams(param), selection };
  const file = isFile(pipeline) ? await pipelineFile(pipeline) : undefined;
  if (file !== undefined) await refuseWrong(file, wanted);
  await withServers({ start: false }, async ({ env }) => {
    const store = openStore(env);
    const source = file ?? (await findPipeline(store, pipeline));
    const pipelines = await usedPipelines(store, source);
    const planned = await withArtifacts(store, planOf(source, { ...wanted, pipelines }));
    const { name, summary, params } = planned;
    const steps = await forecast(store, planned, new AbortController().signal);
    const totals = forecastTotals(steps);
    const told = [
      `${name}: ${summary}`,
      '',
      forecastTable(steps),
      '',
      ...trainingTexts(steps),
      `${totalsText(totals)} Nothing was started.`,
    ];
    print(
      { json },
      { pipeline: name, source: planned.source, params, pipelines: planned.pipelines, steps, totals },
      told.join('\n'),
    );
  });
}
