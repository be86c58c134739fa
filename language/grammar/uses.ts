import type { Json } from '../text/json.ts';
import { type ParsedYaml, parseYaml } from '../text/parse.ts';
import type { StepDraft } from './draft.ts';

/** What a step `uses` that is made of the steps of another pipeline. */
export const pipelineKind = 'pipeline';

export function usesPipeline({ uses }: Pick<StepDraft, 'uses'>): boolean {
  return uses === pipelineKind;
}

/** The pipelines that a file names; of a file that is wrong, those that can be read off it. */
export function pipelinesIn(text: string): string[] {
  const steps = mapOf(mapOf(parseYaml(text).value).steps);
  const names = Object.values(steps).flatMap((value) => {
    const step = mapOf(value);
    if (step.uses !== pipelineKind) return [];
    const { pipeline } = mapOf(step.with);
    return typeof pipeline === 'string' && faultOfName(pipeline) === undefined ? [pipeline] : [];
  });
  return [...new Set(names)];
}

/** What a file says it is called; a file that is wrong may say nothing. */
export function nameIn({ value }: ParsedYaml): string {
  const { name } = mapOf(value);
  return typeof name === 'string' ? name : 'pipeline';
}

/** Why a text cannot be the name of a pipeline that a file uses. */
export function faultOfName(name: string): string | undefined {
  if (name.includes('${{')) return '`pipeline` is the name of a pipeline; it cannot hold a reference';
  if (!/[/\\]|\.ya?ml$/i.test(name)) return undefined;
  return `\`${name}\` is a file, but a run uses what is in the store: \`npx f2c apply ${name}\` puts it there, then write its name`;
}

function mapOf(value: Json | undefined): Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
