import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { StackRun } from '../local/record.ts';
import { news } from './output.ts';

/** Says it where the workers of a stack know other step kinds than this command, or older ones. */
export function tellOwnSteps(run: Pick<StackRun, 'steps' | 'startedAt'>): void {
  const told = differenceOf(run, process.env.F2C_STEPS || undefined);
  if (told !== undefined) news(told);
}

const anew = '`npx f2c down`, then `npx f2c up`, starts them';

function differenceOf({ steps, startedAt }: Pick<StackRun, 'steps' | 'startedAt'>, own: string | undefined) {
  if (own === undefined) {
    return steps && `The workers of this stack have step kinds of F2C_STEPS=${steps}, which is not set here.`;
  }
  if (steps === undefined)
    return `The workers of this stack were started without F2C_STEPS. ${anew} with it.`;
  if (steps !== own) {
    return `The workers of this stack were started with F2C_STEPS=${steps}, not ${own}. ${anew} with that.`;
  }
  const changed = changedSince(new Date(startedAt), own);
  return changed && `${changed} has changed since the workers of this stack were started. ${anew} anew.`;
}

/** A source file of the step kinds that is newer than their workers. */
function changedSince(start: Date, folder: string): string | undefined {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts') && !file.includes('node_modules'));
  return sources.map((file) => join(folder, file)).find((path) => statSync(path).mtime > start);
}
